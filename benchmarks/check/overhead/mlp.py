"""An MLP on Fashion-MNIST-sized rows, as a person writes it: loader, dropout, Adam, an evaluation an epoch."""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
x = torch.rand(20_000, 784)
y = (x @ torch.randn(784, 10)).argmax(1)
train = DataLoader(TensorDataset(x[:18_000], y[:18_000]), batch_size=128, shuffle=True)
test = DataLoader(TensorDataset(x[18_000:], y[18_000:]), batch_size=500)
net = nn.Sequential(
    nn.Linear(784, 256), nn.ReLU(), nn.Dropout(0.1), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 10)
)
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
for epoch in range(12):
    net.train()
    for xb, yb in train:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(xb), yb)
        loss.backward()
        optimizer.step()
    net.eval()
    with torch.no_grad():
        hits = sum((net(xb).argmax(1) == yb).sum().item() for xb, yb in test)
    print(epoch, loss.item(), hits / 2000)
