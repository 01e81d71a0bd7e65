import torch
from torch import nn
import torch.nn.functional as F

torch.manual_seed(0)
X = torch.randn(900, 16); y = (X[:, 0] + X[:, 1] > 0).long()
perm = torch.randperm(len(X))
X, y = X[perm], y[perm]
model = nn.Sequential(nn.Linear(16, 64), nn.ReLU(), nn.Linear(64, 2))
opt = torch.optim.Adam(model.parameters(), lr=1e-3)
for epoch in range(10):
    for i in range(0, 700, 35):
        opt.zero_grad()
        loss = F.cross_entropy(model(X[i:i + 35]), y[i:i + 35])
        loss.backward()
        opt.step()
    with torch.no_grad():
        print(epoch, loss.item(), (model(X[700:]).argmax(1) == y[700:]).float().mean().item())
