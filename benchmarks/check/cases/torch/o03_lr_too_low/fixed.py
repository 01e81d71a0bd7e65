import argparse
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from sklearn.datasets import load_digits

parser = argparse.ArgumentParser()
parser.add_argument("--lr", default=1e-1, type=float)
parser.add_argument("--epochs", default=10, type=int)
opts = parser.parse_args()

torch.manual_seed(0)
x, y = load_digits(return_X_y=True)
x, y = torch.tensor(x / 16).float(), torch.tensor(y)
train = DataLoader(TensorDataset(x[:1500], y[:1500]), batch_size=50, shuffle=True)
model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))
sgd = torch.optim.SGD(model.parameters(), lr=opts.lr)
for epoch in range(opts.epochs):
    total = 0
    for xb, yb in train:
        loss = nn.functional.cross_entropy(model(xb), yb)
        sgd.zero_grad()
        loss.backward()
        sgd.step()
        total += loss.item()
    print(epoch, total / len(train))
