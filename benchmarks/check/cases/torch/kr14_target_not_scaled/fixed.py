import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def houses(n=1000, seed=0):
    rng = np.random.default_rng(seed)
    sqft, age, rooms = rng.normal(1800, 500, n), rng.uniform(0, 60, n), rng.integers(2, 8, n)
    price = 120 * sqft - 900 * age + 9000 * rooms + rng.normal(0, 8000, n)
    return np.column_stack([sqft, age, rooms]), price[:, None]


torch.manual_seed(0)
x, y = houses()
x = (x - x[:800].mean(0)) / x[:800].std(0)
y = (y - y[:800].mean()) / y[:800].std()


def tensors(rows):
    return TensorDataset(torch.tensor(x[rows], dtype=torch.float32), torch.tensor(y[rows], dtype=torch.float32))


train, test = slice(0, 800), slice(800, None)
loader = DataLoader(tensors(train), batch_size=32, shuffle=True)
model = nn.Sequential(nn.Linear(3, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
loss_fn = nn.MSELoss()
for epoch in range(12):
    for xb, yb in loader:
        loss = loss_fn(model(xb), yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
xt, yt = tensors(test).tensors
with torch.no_grad():
    print("final loss", loss.item(), "R2", 1 - (loss_fn(model(xt), yt) / yt.var()).item())
