import torch
from torch import nn
import torch.nn.functional as F

torch.manual_seed(0)
centres = torch.randn(6, 20)
def sample(n):
    k = torch.randint(0, 6, (n,))
    return centres[k] + 0.3 * torch.randn(n, 20), k

class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(20, 64), nn.ReLU(), nn.Linear(64, 32))
        self.proj = nn.Sequential(nn.ReLU(), nn.Linear(32, 16))
    def forward(self, x):
        return self.proj(self.body(x))

def nt_xent(z1, z2, tau=0.2):
    n = len(z1)
    z = F.normalize(torch.cat([z1, z2]), dim=1)
    sim = z @ z.t() / tau
    target = torch.cat([torch.arange(n) + n, torch.arange(n)])
    return F.cross_entropy(sim, target)

enc = Encoder()
opt = torch.optim.Adam(enc.parameters(), 1e-3)
for step in range(150):
    x, _ = sample(48)
    loss = nt_xent(enc(x + 0.1 * torch.randn_like(x)), enc(x + 0.1 * torch.randn_like(x)))
    opt.zero_grad()
    loss.backward()
    opt.step()
    if step % 50 == 49:
        print(step, loss.item())
