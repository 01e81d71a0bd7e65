import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(5)
n, d = 4096, 12
concept = torch.randn(16, d)[torch.randint(16, (n,))] + 0.3 * torch.randn(n, d)
caption = torch.tanh(concept @ torch.randn(d, 40) * 0.3) + 0.05 * torch.randn(n, 40)
photo = torch.relu(concept @ torch.randn(d, 60) * 0.5) + 0.05 * torch.randn(n, 60)


class Tower(nn.Module):
    def __init__(self, n_in, n_out=24):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(n_in, 96), nn.ReLU(), nn.Linear(96, n_out))

    def forward(self, x):
        return F.normalize(self.body(x), dim=-1)


def info_nce(a, b):
    sim = a @ b.T
    labels = torch.arange(len(a))
    return (F.cross_entropy(sim, labels) + F.cross_entropy(sim.T, labels)) / 2


text, vision = Tower(40), Tower(60)
optimizer = torch.optim.AdamW([*text.parameters(), *vision.parameters()], lr=1e-3)
steps = 0
for epoch in range(18):
    for idx in torch.randperm(3584).split(256):
        loss = info_nce(text(caption[idx]), vision(photo[idx]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        steps += 1
    if epoch % 3 == 2:
        with torch.no_grad():
            sim = text(caption[3584:]) @ vision(photo[3584:]).T
            top1 = (sim.argmax(1) == torch.arange(512)).float().mean().item()
        print(f"{steps} steps, loss {loss.item():.3f}, retrieval top-1 of 512: {top1:.3f}")
