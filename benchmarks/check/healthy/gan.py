import torch
from torch import nn

torch.manual_seed(0)
Z = 8
G = nn.Sequential(nn.Linear(Z, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 2))
D = nn.Sequential(nn.Linear(2, 32), nn.LeakyReLU(0.2), nn.Linear(32, 32), nn.LeakyReLU(0.2), nn.Linear(32, 1))
opt_g = torch.optim.Adam(G.parameters(), lr=1e-3, betas=(0.5, 0.999))
opt_d = torch.optim.Adam(D.parameters(), lr=1e-3, betas=(0.5, 0.999))
bce = nn.BCEWithLogitsLoss()


def real(n):
    a = torch.rand(n) * 6.2832
    return torch.stack([2 * a.cos(), 2 * a.sin()], 1) + 0.05 * torch.randn(n, 2)


for it in range(500):
    x = real(64)
    z = torch.randn(64, Z)
    fake = G(z)
    opt_d.zero_grad()
    d_loss = bce(D(x), torch.ones(64, 1)) + bce(D(fake.detach()), torch.zeros(64, 1))
    d_loss.backward()
    opt_d.step()
    opt_g.zero_grad()
    g_loss = bce(D(fake), torch.ones(64, 1))
    g_loss.backward()
    opt_g.step()
    if it % 100 == 99:
        with torch.no_grad():
            radius = G(torch.randn(512, Z)).norm(dim=1).mean().item()
        print(it + 1, round(d_loss.item(), 3), round(g_loss.item(), 3), "mean radius", round(radius, 3))
