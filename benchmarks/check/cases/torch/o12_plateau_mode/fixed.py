import torch
from torch import nn
import torch.nn.functional as F

import argparse
p = argparse.ArgumentParser()
p.add_argument("--epochs", type=int, default=25)
p.add_argument("--lr", type=float, default=0.05)
args = p.parse_args()
torch.manual_seed(0)
X = torch.randn(500, 10); y = torch.sin(X[:, 0]) + 0.5 * X[:, 1] * X[:, 2]
tr, va = slice(0, 400), slice(400, 500)
net = nn.Sequential(nn.Linear(10, 64), nn.Tanh(), nn.Linear(64, 1))
opt = torch.optim.SGD(net.parameters(), lr=args.lr)
sched = torch.optim.lr_scheduler.ReduceLROnPlateau(opt, mode="min", factor=0.3, patience=1)
for epoch in range(args.epochs):
    net.train()
    for i in torch.randperm(400).split(40):
        opt.zero_grad()
        loss = F.mse_loss(net(X[i]).squeeze(1), y[i])
        loss.backward()
        opt.step()
    net.eval()
    with torch.no_grad():
        val_loss = F.mse_loss(net(X[va]).squeeze(1), y[va])
    sched.step(val_loss)
    print(epoch, val_loss.item(), opt.param_groups[0]["lr"])
