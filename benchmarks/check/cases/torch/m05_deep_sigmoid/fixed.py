import torch
from torch import nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
DEPTH = 10
layers = [nn.Linear(64, 48), nn.ReLU()]
for _ in range(DEPTH - 1):
    layers += [nn.Linear(48, 48), nn.LayerNorm(48), nn.ReLU()]
model = nn.Sequential(*layers, nn.Linear(48, 10))

x, y = load_digits(return_X_y=True)
x, y = torch.tensor(x / 16).float(), torch.tensor(y)
loader = DataLoader(TensorDataset(x, y), batch_size=50, shuffle=True)
opt = torch.optim.SGD(model.parameters(), lr=0.1)
for epoch in range(9):
    tot = 0.0
    for xb, yb in loader:
        loss = nn.functional.cross_entropy(model(xb), yb)
        opt.zero_grad()
        loss.backward()
        opt.step()
        tot += loss.item()
    print(epoch, tot / len(loader), "first-layer gradient", model[0].weight.grad.norm().item())
