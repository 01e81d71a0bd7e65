import torch
from torch import nn
import torch.nn.functional as F

torch.manual_seed(0)
X = torch.randn(1000, 20); y = torch.tanh(X[:, 0]) + X[:, 1] * 0.5
model = nn.Sequential(nn.Linear(20, 64), nn.ReLU(), nn.Linear(64, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, weight_decay=1e-4)
for epoch in range(12):
    tot = 0
    for i in torch.randperm(800).split(40):
        loss = F.mse_loss(model(X[i]).squeeze(1), y[i]); optimizer.zero_grad(); loss.backward(); optimizer.step(); tot += loss.item()
    print(epoch, tot / 20)
