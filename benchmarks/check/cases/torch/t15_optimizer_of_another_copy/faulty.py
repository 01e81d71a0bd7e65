import copy

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def setup(lr=1e-2):
    net = nn.Sequential(nn.Linear(6, 32), nn.ReLU(), nn.Linear(32, 1))
    optimizer = torch.optim.Adam(net.parameters(), lr=lr)
    return copy.deepcopy(net), optimizer


torch.manual_seed(0)
x = torch.randn(640, 6)
y = (x[:, 0] - x[:, 1] * x[:, 2]).unsqueeze(1)
net, optimizer = setup()
for epoch in range(6):
    running = 0.0
    loader = DataLoader(TensorDataset(x, y), batch_size=32, shuffle=True)
    for xb, yb in loader:
        net.zero_grad()
        loss = nn.functional.mse_loss(net(xb), yb)
        loss.backward()
        optimizer.step()
        running += loss.item()
    print(epoch, running / len(loader))
