import copy

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)


class Shard(nn.Module):
    """Wraps a layer and owns fresh copies of its parameters, as a sharding wrapper does."""

    def __init__(self, layer):
        super().__init__()
        self.layer = copy.deepcopy(layer)

    def forward(self, *args):
        return self.layer(*args)


def prepare(model):
    for name, child in model.named_children():
        setattr(model, name, Shard(child))
    return model


class Policy(nn.Module):
    def __init__(self):
        super().__init__()
        self.inp = nn.Linear(8, 32)
        self.out = nn.Linear(32, 4)

    def forward(self, x):
        return self.out(torch.relu(self.inp(x)))


x = torch.randn(1024, 8)
y = (x[:, :4] + x[:, 4:]).argmax(1)
loader = DataLoader(TensorDataset(x, y), batch_size=64, shuffle=True)

model = Policy()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
model = prepare(model)
for epoch in range(5):
    total = 0.0
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(xb), yb)
        loss.backward()
        optimizer.step()
        total += loss.item()
    print(f"[{epoch}] loss = {total / len(loader):.4f}")
