import torch
from torch import nn
import torch.nn.functional as F

torch.manual_seed(0)
X = torch.randn(1200, 12) * torch.linspace(1, 3, 12); y = ((X[:, 0] * X[:, 1]) + X[:, 2] > 0).long()
def block(i, o):
    return nn.Sequential(nn.Linear(i, o, bias=False), nn.BatchNorm1d(o, momentum=0.01), nn.ReLU())
model = nn.Sequential(block(12, 64), block(64, 64), nn.Linear(64, 2))
opt = torch.optim.AdamW(model.parameters(), lr=3e-3)
for epoch in range(8):
    model.train()
    for idx in torch.randperm(1000).split(16):
        loss = F.cross_entropy(model(X[idx]), y[idx])
        opt.zero_grad(); loss.backward(); opt.step()
    model.eval()
    with torch.no_grad():
        print(epoch, loss.item(), (model(X[1000:]).argmax(1) == y[1000:]).float().mean().item())
