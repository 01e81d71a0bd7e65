import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset


class Photos(Dataset):
    def __init__(self, n=160):
        rng = np.random.default_rng(0)
        self.labels = rng.integers(0, 2, n)
        self.images = rng.random((n, 16, 16, 3), dtype=np.float32)
        self.images[self.labels == 1, :, :, 0] += 0.3

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        img = torch.from_numpy(self.images[i])
        return img, self.labels[i]


torch.manual_seed(0)
net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 2))
opt = torch.optim.Adam(net.parameters(), lr=1e-2)
for epoch in range(4):
    for img, label in DataLoader(Photos(), batch_size=20, shuffle=True):
        loss = nn.functional.cross_entropy(net(img), label)
        opt.zero_grad()
        loss.backward()
        opt.step()
    print(epoch, loss.item())
