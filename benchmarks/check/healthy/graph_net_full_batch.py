import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)
n = 150
label = torch.randint(0, 3, (n,))
adj = (torch.rand(n, n) < 0.02 + 0.08 * (label[:, None] == label).float()).float()
adj = ((adj + adj.T) > 0).float() + torch.eye(n)
deg = adj.sum(1).rsqrt()
adj = deg[:, None] * adj * deg
feat = F.one_hot(label, 3).float() + torch.randn(n, 3)
train = torch.zeros(n, dtype=torch.bool)
train[torch.randperm(n)[:60]] = True


class GCN(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(3, 16), nn.Linear(16, 3)

    def forward(self, x):
        x = F.dropout(F.relu(adj @ self.a(x)), 0.4, self.training)
        return F.log_softmax(adj @ self.b(x), dim=1)


net = GCN()
opt = torch.optim.Adam(net.parameters(), lr=0.02, weight_decay=5e-4)
for epoch in range(120):
    net.train()
    opt.zero_grad()
    loss = F.nll_loss(net(feat)[train], label[train])
    loss.backward()
    opt.step()
    if epoch % 30 == 29:
        net.eval()
        with torch.no_grad():
            print(epoch + 1, loss.item(), (net(feat)[~train].argmax(1) == label[~train]).float().mean().item())
