import torch
import torch.nn.functional as F
from torch import nn
from sklearn.datasets import load_wine

torch.manual_seed(0)
data, labels = load_wine(return_X_y=True)
data = torch.tensor((data - data.mean(0)) / data.std(0)).float()
labels = torch.tensor(labels)
order = torch.randperm(178)
data, labels = data[order], labels[order]


class WineNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(13, 24)
        self.b = nn.Linear(24, 3)

    def forward(self, x):
        z = self.b(F.relu(self.a(x)))
        return F.log_softmax(z, dim=0)


net = WineNet()
opt = torch.optim.Adam(net.parameters(), lr=0.01)
for epoch in range(30):
    for i in range(0, 128, 16):
        loss = F.nll_loss(net(data[i : i + 16]), labels[i : i + 16])
        opt.zero_grad()
        loss.backward()
        opt.step()
with torch.no_grad():
    one_by_one = torch.stack([net(row[None])[0] for row in data[128:]])
    print("loss %.3f" % loss.item(), "accuracy one by one", (one_by_one.argmax(1) == labels[128:]).float().mean().item())
