import torch
from torch import nn

torch.manual_seed(0)
gen = nn.Sequential(nn.Linear(4, 48), nn.ReLU(), nn.Linear(48, 2))
critic = nn.Sequential(nn.Linear(2, 48), nn.ReLU(), nn.Linear(48, 48), nn.ReLU(), nn.Linear(48, 1))
opt_g = torch.optim.Adam(gen.parameters(), lr=1e-3, betas=(0.0, 0.9))
opt_c = torch.optim.Adam(critic.parameters(), lr=1e-3, betas=(0.0, 0.9))


def real(n):
    return torch.randn(n, 2) @ torch.tensor([[1.0, 0.6], [0.0, 0.4]]) + torch.tensor([2.0, -1.0])


def penalty(a, b):
    t = torch.rand(len(a), 1)
    mid = (t * a + (1 - t) * b).requires_grad_(True)
    out = critic(mid)
    g = torch.autograd.grad(out.sum(), mid, create_graph=True)[0]
    return ((g.norm(dim=1) - 1) ** 2).mean()


for it in range(100):
    for _ in range(3):
        r, f = real(64), gen(torch.randn(64, 4)).detach()
        loss_c = critic(f).mean() - critic(r).mean() + 10 * penalty(r, f)
        opt_c.zero_grad()
        loss_c.backward()
        opt_c.step()
    loss_g = -critic(gen(torch.randn(64, 4))).mean()
    opt_g.zero_grad()
    loss_g.backward()
    opt_g.step()
    if it % 25 == 24:
        with torch.no_grad():
            m = gen(torch.randn(1000, 4)).mean(0)
        print(it + 1, round(loss_c.item(), 3), "mean", [round(v, 2) for v in m.tolist()])
