import torch
from torch import nn
import torch.nn.functional as F

class GraphConv(nn.Module):
    def __init__(self, i, o): super().__init__(); self.lin = nn.Linear(i, o)
    def forward(self, x, adj): return adj @ self.lin(x)
class Net(nn.Module):
    def __init__(self):
        super().__init__(); self.c1, self.c2 = GraphConv(10, 16), GraphConv(16, 4)
    def forward(self, x, adj): return F.log_softmax(self.c2(F.relu(self.c1(x, adj)), adj), dim=1)
def load():
    torch.manual_seed(0)
    labels = torch.randint(0, 4, (240,)); x = torch.randn(240, 10) + F.one_hot(labels, 10).float()
    adj = (torch.rand(240, 240) < 0.01 + 0.04 * (labels[:, None] == labels)).float(); adj = ((adj + adj.t()) > 0).float() + torch.eye(240)
    adj = adj / adj.sum(1, keepdim=True); order = torch.randperm(240)
    return x, adj, labels, order[:80], order[80:140], order[140:]
features, adj, labels, idx_train, idx_val, idx_test = load()
model = Net(); optimizer = torch.optim.Adam(model.parameters(), lr=0.01, weight_decay=5e-4)
for epoch in range(60):
    model.train(); optimizer.zero_grad()
    output = model(features, adj)
    loss_train = F.nll_loss(output[idx_train], labels[idx_train])
    loss_train.backward(); optimizer.step()
    model.eval()
    output = model(features, adj)
    acc_val = (output[idx_val].argmax(1) == labels[idx_val]).float().mean()
    if epoch % 20 == 19: print(epoch, loss_train.item(), acc_val.item())
model.eval()
output = model(features, adj)
print("test", (output[idx_test].argmax(1) == labels[idx_test]).float().mean().item())
