import sys

import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(600, 5)
y = (x.sum(1, keepdim=True) > 0).float()
net = nn.Sequential(nn.Linear(5, 16), nn.ReLU(), nn.Linear(16, 1))
opt = torch.optim.Adam(net.parameters(), lr=1e-2)
best, bad = float("inf"), 0
for epoch in range(100):
    for i in torch.randperm(400).split(40):
        loss = nn.functional.binary_cross_entropy_with_logits(net(x[i]), y[i])
        opt.zero_grad()
        loss.backward()
        opt.step()
    with torch.no_grad():
        val = nn.functional.binary_cross_entropy_with_logits(net(x[400:]), y[400:]).item()
    if val < best - 5e-3:
        best, bad = val, 0
    else:
        bad += 1
    if bad >= 3:
        print("early stop at epoch", epoch, "best", best)
        sys.exit(0)
print("trained to the end", best)
