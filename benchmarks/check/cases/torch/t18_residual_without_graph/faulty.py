import torch
from torch import nn
import torch.nn.functional as F

torch.manual_seed(0)
u = nn.Sequential(nn.Linear(1, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 1))
opt = torch.optim.Adam(u.parameters(), lr=2e-3)
def residual(t):
    t = t.clone().requires_grad_(True)
    out = u(t)
    du = torch.autograd.grad(out, t, torch.ones_like(out))[0]
    return du - torch.cos(3 * t)
for it in range(250):
    t = torch.rand(64, 1)
    physics = residual(t).pow(2).mean()
    start = (u(torch.zeros(1, 1)) ** 2).mean()
    loss = physics + 10 * start
    opt.zero_grad()
    loss.backward()
    opt.step()
    if it % 50 == 49:
        print(it, physics.item(), start.item())
