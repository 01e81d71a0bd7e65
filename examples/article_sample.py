"""A classifier as many tutorials write it, with the faults that they hand on. `luthier check` names them.

    luthier check examples/article_sample.py

docs/check.md walks through what it says and how the program is mended. Do not learn from this file: it is wrong
on purpose.
"""

import torch
from sklearn.datasets import load_breast_cancer
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

rows, kinds = load_breast_cancer(return_X_y=True)
inputs = torch.tensor(rows, dtype=torch.float32)
targets = torch.tensor(kinds, dtype=torch.float32).unsqueeze(1)
train_loader = DataLoader(TensorDataset(inputs[:400], targets[:400]), batch_size=32)
test_loader = DataLoader(TensorDataset(inputs[400:], targets[400:]), batch_size=32)


class TumourNet(nn.Module):
    """Two hidden layers and one output."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(30, 100)
        self.second = nn.Linear(100, 10)
        self.last = nn.Linear(10, 1)
        self.drop = nn.Dropout(0.2)

    def forward(self, x):
        x = self.drop(torch.relu(self.first(x)))
        x = torch.relu(self.second(x))
        return self.last(x)


model = TumourNet()
criterion = nn.BCELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.001)

for epoch in range(100):
    for x, y in train_loader:
        optimizer.zero_grad()
        outputs = model(x)
        loss = criterion(outputs, y)
        loss.backward()
        optimizer.step()

    if epoch % 10 == 9:
        print(f"epoch {epoch + 1}: loss {loss.item():.4f}")
        correct = 0
        for x, y in test_loader:
            outputs = model(x)
            _, predicted = torch.max(outputs.data, 1)
            correct += (predicted == y).sum().item()
        print(f"test accuracy: {100 * correct / len(test_loader.dataset):.1f} %")
