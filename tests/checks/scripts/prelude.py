"""What the short training scripts of the fixtures share: data of known kind, a small net, the usual loop."""

PRELUDE = """
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
X = torch.randn(256, 8)
three = (X @ torch.randn(8, 3)).argmax(1)
two = (X[:, 0] + X[:, 1] > 0).long()
amount = X @ torch.randn(8) + 0.1 * torch.randn(256)


def net(outputs, *last):
    return nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, outputs), *last)


def batches(y, X=X, shuffle=True):
    return DataLoader(TensorDataset(X, y), batch_size=32, shuffle=shuffle)


def train(model, loss_of, y, epochs=5, lr=0.01, X=X):
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    for _ in range(epochs):
        model.train()
        for x, target in batches(y, X):
            optimizer.zero_grad()
            loss = loss_of(model(x), target)
            loss.backward()
            optimizer.step()
    return model
"""
