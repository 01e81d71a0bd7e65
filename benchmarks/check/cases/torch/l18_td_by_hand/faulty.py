import torch
from torch import nn
import torch.nn.functional as F

torch.manual_seed(3)
V = nn.Sequential(nn.Linear(3, 32), nn.ReLU(), nn.Linear(32, 1))
opt = torch.optim.Adam(V.parameters(), lr=1e-3)
gamma = 0.95

def rollout(n):
    s = torch.randn(n, 3)
    s2 = 0.9 * s + 0.2 * torch.randn(n, 3)
    r = s[:, :1] - 0.5 * s[:, 1:2] ** 2
    return s, r, s2, (torch.rand(n, 1) < 0.05).float()

for it in range(300):
    s, r, s2, done = rollout(64)
    value = V(s)
    target = r + gamma * V(s2) * (1 - done)
    td = target - value
    loss = td.pow(2).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
    if it % 100 == 99:
        print(it, loss.item())
