import torch
from torch import nn
import torch.nn.functional as F

class FocalLoss(nn.Module):
    def __init__(self, gamma=2.0):
        super().__init__()
        self.gamma = gamma
        self.ce = nn.CrossEntropyLoss()
    def forward(self, logits, target):
        ce = self.ce(logits, target)
        pt = torch.exp(-ce)
        return ((1 - pt) ** self.gamma * ce).mean()
torch.manual_seed(0)
X = torch.randn(1000, 8)
y = (X[:, 0] + X[:, 1] * X[:, 2] > 1.5).long()
model = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 2))
crit, opt = FocalLoss(), torch.optim.Adam(model.parameters(), lr=2e-3)
for epoch in range(8):
    s = 0
    for i in torch.randperm(800).split(50):
        loss = crit(model(X[i]), y[i])
        opt.zero_grad(); loss.backward(); opt.step()
        s += loss.item()
    with torch.no_grad():
        acc = (model(X[800:]).argmax(1) == y[800:]).float().mean()
    print(epoch, s / 16, acc.item())
