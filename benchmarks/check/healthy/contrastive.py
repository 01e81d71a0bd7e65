import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)
proto = torch.randn(12, 16)


def two_views(n):
    k = torch.randint(0, 12, (n,))
    base = proto[k] + 0.3 * torch.randn(n, 16)
    return base + 0.2 * torch.randn(n, 16), base + 0.2 * torch.randn(n, 16), k


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(16, 64), nn.ReLU(), nn.Linear(64, 16))

    def forward(self, x):
        return F.normalize(self.net(x), dim=1)


def uniformity(z, t=2.0):
    squared = ((z.unsqueeze(1) - z.unsqueeze(0)) ** 2).sum(-1)
    off = ~torch.eye(len(z), dtype=torch.bool)
    return torch.exp(-t * squared[off]).mean().log()


enc = Encoder()
log_t = nn.Parameter(torch.tensor(2.0))
opt = torch.optim.Adam([*enc.parameters(), log_t], lr=2e-3)
for step in range(250):
    a, b, _ = two_views(48)
    za, zb = enc(a), enc(b)
    logits = za @ zb.T * log_t.exp()
    target = torch.arange(48)
    loss = 0.5 * (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) + 0.1 * uniformity(za)
    opt.zero_grad()
    loss.backward()
    opt.step()
    if step % 50 == 49:
        with torch.no_grad():
            a, b, k = two_views(200)
            sim = enc(a) @ enc(b).T
            same = (k[sim.argmax(1)] == k).float().mean().item()
        print(step + 1, round(loss.item(), 4), "neighbour of the same kind", round(same, 3))
