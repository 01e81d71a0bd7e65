import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset


class FolderOfClasses(Dataset):
    """As a folder per class is listed: all of class 0, then all of class 1 ..."""

    def __init__(self, per_class=80, classes=5, dim=16):
        g = torch.Generator().manual_seed(0)
        centres = torch.randn(classes, dim, generator=g)
        self.items = [
            (centres[k] + 1.6 * torch.randn(dim, generator=g), k) for k in range(classes) for _ in range(per_class)
        ]

    def __len__(self):
        return len(self.items)

    def __getitem__(self, i):
        return self.items[i]


torch.manual_seed(0)
ds = FolderOfClasses()
loader = DataLoader(ds, batch_size=16)
model = nn.Sequential(nn.Linear(16, 64), nn.ReLU(), nn.Linear(64, 5))
opt = torch.optim.SGD(model.parameters(), lr=0.1)
for epoch in range(6):
    for x, y in loader:
        loss = nn.functional.cross_entropy(model(x), y)
        opt.zero_grad()
        loss.backward()
        opt.step()
    with torch.no_grad():
        x = torch.stack([r[0] for r in ds.items])
        y = torch.tensor([r[1] for r in ds.items])
        print(epoch, loss.item(), (model(x).argmax(1) == y).float().mean().item())
