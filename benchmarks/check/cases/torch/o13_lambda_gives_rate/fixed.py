import torch
from torch import nn
import torch.nn.functional as F

torch.manual_seed(0)
X = torch.randn(800, 10); y = X[:, :1] * 2 - X[:, 1:2] + 0.1 * torch.randn(800, 1)
model = nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Linear(32, 1))
base_lr, warmup, total = 1e-3, 20, 300
opt = torch.optim.Adam(model.parameters(), lr=base_lr)
def lr_at(step):
    if step < warmup:
        return (step + 1) / warmup
    return max(0.0, 1 - (step - warmup) / (total - warmup))
sched = torch.optim.lr_scheduler.LambdaLR(opt, lr_at)
step = 0
while step < total:
    for i in torch.randperm(700).split(50):
        loss = F.mse_loss(model(X[i]), y[i])
        opt.zero_grad(); loss.backward(); opt.step(); sched.step()
        step += 1
    with torch.no_grad():
        print(step, loss.item(), F.mse_loss(model(X[700:]), y[700:]).item())
