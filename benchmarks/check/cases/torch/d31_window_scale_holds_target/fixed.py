import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(3)
rng = np.random.default_rng(3)
t = np.arange(1500)
load = 40 + 0.01 * t + 8 * np.sin(2 * np.pi * t / 24) + 4 * np.sin(2 * np.pi * t / 7) + rng.normal(0, 2.0, t.size)

HISTORY = 12


def make_windows(series):
    xs, ys = [], []
    for start in range(len(series) - HISTORY):
        w = series[start : start + HISTORY + 1]
        mean, std = w[:-1].mean(), w[:-1].std()
        w = (w - mean) / std
        xs.append(w[:-1])
        ys.append(w[-1:])
    return torch.tensor(np.array(xs), dtype=torch.float32), torch.tensor(np.array(ys), dtype=torch.float32)


x_train, y_train = make_windows(load[:1200])
x_val, y_val = make_windows(load[1200:])
loader = DataLoader(TensorDataset(x_train, y_train), batch_size=64, shuffle=True)
net = nn.Sequential(nn.Linear(HISTORY, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1))
optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
criterion = nn.MSELoss()
for epoch in range(14):
    net.train()
    for x, y in loader:
        optimizer.zero_grad()
        loss = criterion(net(x), y)
        loss.backward()
        optimizer.step()
    net.eval()
    with torch.no_grad():
        val = criterion(net(x_val), y_val).item()
    print(f"epoch {epoch}: train {loss.item():.4f} val {val:.4f} (variance {y_val.var().item():.2f})")
