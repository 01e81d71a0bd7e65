import numpy as np
import torch
from sklearn.datasets import load_diabetes
from sklearn.preprocessing import StandardScaler
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset


def build(n_in):
    return nn.Sequential(
        nn.Linear(n_in, 32),
        nn.ReLU(),
        nn.Linear(32, 16),
        nn.ReLU(),
        nn.Linear(16, 1),
        nn.ReLU(),
    )


torch.manual_seed(0)
data, target = load_diabetes(return_X_y=True)
train = np.arange(len(data)) < 330
xs = StandardScaler().fit(data[train])
ys = StandardScaler().fit(target[train, None])
x = torch.tensor(xs.transform(data), dtype=torch.float32)
y = torch.tensor(ys.transform(target[:, None]), dtype=torch.float32)
loader = DataLoader(TensorDataset(x[train], y[train]), batch_size=32, shuffle=True)

net = build(10)
optimizer = optim.Adam(net.parameters(), lr=3e-3)
criterion = nn.MSELoss()
for epoch in range(20):
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = criterion(net(xb), yb)
        loss.backward()
        optimizer.step()
with torch.no_grad():
    pred = net(x[~train])
    print("test mse (standardised)", criterion(pred, y[~train]).item(), "smallest prediction", pred.min().item())
