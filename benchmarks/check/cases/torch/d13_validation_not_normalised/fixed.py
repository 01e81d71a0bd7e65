import torch
from torch import nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, Dataset


class Digits(Dataset):
    def __init__(self, images, target, transform=None):
        self.images, self.target, self.transform = images, target, transform

    def __len__(self):
        return len(self.target)

    def __getitem__(self, i):
        img = torch.tensor(self.images[i], dtype=torch.float32)[None]
        if self.transform is not None:
            img = self.transform(img)
        return img, int(self.target[i])


def normalise(img):
    return (img - 4.9) / 6.0


torch.manual_seed(0)
d = load_digits()
train_ds = Digits(d.images[:1400], d.target[:1400], transform=normalise)
val_ds = Digits(d.images[1400:], d.target[1400:], transform=normalise)
train_dl = DataLoader(train_ds, batch_size=70, shuffle=True)
val_dl = DataLoader(val_ds, batch_size=100)
net = nn.Sequential(nn.Conv2d(1, 8, 3), nn.Tanh(), nn.Flatten(), nn.Linear(8 * 36, 10))
opt = torch.optim.Adam(net.parameters(), lr=2e-3)
for epoch in range(4):
    net.train()
    for x, y in train_dl:
        loss = nn.functional.cross_entropy(net(x), y)
        opt.zero_grad()
        loss.backward()
        opt.step()
    net.eval()
    with torch.no_grad():
        val = sum(nn.functional.cross_entropy(net(x), y, reduction="sum").item() for x, y in val_dl) / len(val_ds)
    print(f"epoch {epoch} train {loss.item():.3f} val {val:.3f}")
