import numpy as np
import torch
from torch import nn
from sklearn.datasets import load_iris

torch.manual_seed(0)
iris = load_iris()
table = np.column_stack([iris.data, iris.target]).astype(np.float32)
np.random.default_rng(0).shuffle(table)
x = torch.from_numpy(table[:, :4])
y = torch.from_numpy(table[:, 4])
net = nn.Sequential(nn.Linear(4, 10), nn.ReLU(), nn.Linear(10, 3))
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(net.parameters(), lr=0.02)
for epoch in range(100):
    optimizer.zero_grad()
    loss = criterion(net(x), y)
    loss.backward()
    optimizer.step()
print("final", loss.item())
