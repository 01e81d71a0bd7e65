import numpy as np
import torch
from torch import nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, Dataset


class Noisy(Dataset):
    """Shifts each picture by up to one pixel and adds noise."""

    def __init__(self, images, labels):
        self.images, self.labels = (images / 16).astype(np.float32), labels

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        rng = np.random.RandomState(1234)
        shift = rng.choice([-1, 0, 1], size=2)
        img = np.roll(self.images[i], shift, axis=(0, 1)) + 0.1 * rng.normal(size=(8, 8))
        return torch.from_numpy(img).float()[None], int(self.labels[i])


torch.manual_seed(0)
d = load_digits()
train = DataLoader(Noisy(d.images[:500], d.target[:500]), 25, shuffle=True)
net = nn.Sequential(nn.Conv2d(1, 16, 3), nn.ReLU(), nn.Flatten(), nn.Linear(576, 10))
opt = torch.optim.Adam(net.parameters(), lr=2e-3)
for epoch in range(6):
    for x, y in train:
        loss = nn.functional.cross_entropy(net(x), y)
        opt.zero_grad()
        loss.backward()
        opt.step()
    with torch.no_grad():
        test = torch.tensor(d.images[500:] / 16).float()[:, None]
        acc = (net(test).argmax(1) == torch.tensor(d.target[500:])).float().mean().item()
    print(epoch, loss.item(), acc)
