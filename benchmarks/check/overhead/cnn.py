"""A small convolutional net on 1 x 28 x 28 images, as a person writes it."""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
x = torch.rand(6000, 1, 28, 28)
y = (x.flatten(1) @ torch.randn(784, 10)).argmax(1)
train = DataLoader(TensorDataset(x[:5000], y[:5000]), batch_size=64, shuffle=True)
test = DataLoader(TensorDataset(x[5000:], y[5000:]), batch_size=250)
net = nn.Sequential(
    nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2),
    nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2),
    nn.Flatten(), nn.Dropout(0.2), nn.Linear(32 * 49, 10),
)  # fmt: skip
optimizer = torch.optim.SGD(net.parameters(), lr=0.005, momentum=0.9)
for epoch in range(6):
    net.train()
    for xb, yb in train:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(xb), yb)
        loss.backward()
        optimizer.step()
    net.eval()
    with torch.no_grad():
        hits = sum((net(xb).argmax(1) == yb).sum().item() for xb, yb in test)
    print(epoch, loss.item(), hits / 1000)
