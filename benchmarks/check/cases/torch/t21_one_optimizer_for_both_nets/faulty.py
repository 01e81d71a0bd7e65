import math
import torch
from torch import nn

torch.manual_seed(0)


def real_points(n):
    a = torch.rand(n, 1) * 2 * math.pi
    return torch.cat([2 + torch.cos(a), -1 + torch.sin(a)], 1) + 0.05 * torch.randn(n, 2)


G = nn.Sequential(nn.Linear(4, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2))
D = nn.Sequential(nn.Linear(2, 64), nn.LeakyReLU(0.2), nn.Linear(64, 64), nn.LeakyReLU(0.2), nn.Linear(64, 1))
bce = nn.BCEWithLogitsLoss()
opt_d = torch.optim.Adam([*D.parameters(), *G.parameters()], lr=2e-3, betas=(0.5, 0.999))
opt_g = torch.optim.Adam(G.parameters(), lr=1e-3, betas=(0.5, 0.999))
ones, zeros = torch.ones(128, 1), torch.zeros(128, 1)

for step in range(1, 401):
    fake = G(torch.randn(128, 4))
    d_loss = bce(D(real_points(128)), ones) + bce(D(fake), zeros)
    opt_d.zero_grad()
    d_loss.backward()
    opt_d.step()

    g_loss = bce(D(G(torch.randn(128, 4))), ones)
    opt_g.zero_grad()
    g_loss.backward()
    opt_g.step()

    if step % 50 == 0:
        with torch.no_grad():
            s = G(torch.randn(1000, 4))
            radius = (s - torch.tensor([2.0, -1.0])).norm(dim=1)
        print(step, f"D {d_loss.item():.3f} G {g_loss.item():.3f} centre {s.mean(0).tolist()} radius {radius.mean().item():.2f}")
