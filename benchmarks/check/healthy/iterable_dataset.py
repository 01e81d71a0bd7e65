import torch
from torch import nn
from torch.utils.data import DataLoader, IterableDataset


class Stream(IterableDataset):
    def __init__(self, seed):
        self.seed = seed

    def __iter__(self):
        g = torch.Generator().manual_seed(self.seed)
        while True:
            x = torch.randn(12, generator=g)
            yield x, (x[:4].max() > x[4:8].max()).long()


torch.manual_seed(0)
model = nn.Sequential(nn.Linear(12, 64), nn.ReLU(), nn.Linear(64, 2))
opt = torch.optim.Adam(model.parameters(), lr=3e-3)
held = iter(DataLoader(Stream(99), batch_size=500))
x_val, y_val = next(held)
for step, (x, y) in enumerate(DataLoader(Stream(1), batch_size=32)):
    loss = nn.functional.cross_entropy(model(x), y)
    opt.zero_grad()
    loss.backward()
    opt.step()
    if step % 75 == 74:
        with torch.no_grad():
            print(step + 1, loss.item(), (model(x_val).argmax(1) == y_val).float().mean().item())
    if step == 299:
        break
