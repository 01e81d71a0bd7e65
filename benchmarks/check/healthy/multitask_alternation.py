import itertools

import torch
from torch import nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
x, y = load_digits(return_X_y=True)
x, y = torch.tensor(x / 16).float(), torch.tensor(y)


class MultiTask(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(64, 64), nn.ReLU())
        self.heads = nn.ModuleDict({"digit": nn.Linear(64, 10), "ink": nn.Linear(64, 1)})

    def forward(self, x, task):
        return self.heads[task](self.trunk(x))


model = MultiTask()
opt = torch.optim.Adam(model.parameters(), lr=2e-3)
ink = x.mean(1, keepdim=True) * 5
loaders = {
    "digit": itertools.cycle(DataLoader(TensorDataset(x[:1400], y[:1400]), 50, shuffle=True)),
    "ink": itertools.cycle(DataLoader(TensorDataset(x[:1400], ink[:1400]), 50, shuffle=True)),
}
for step in range(300):
    task = ("digit", "ink")[step % 2]
    xb, yb = next(loaders[task])
    out = model(xb, task)
    loss = nn.functional.cross_entropy(out, yb) if task == "digit" else nn.functional.mse_loss(out, yb)
    opt.zero_grad(set_to_none=True)
    loss.backward()
    opt.step()
    if step % 75 == 74:
        with torch.no_grad():
            acc = (model(x[1400:], "digit").argmax(1) == y[1400:]).float().mean().item()
            mse = nn.functional.mse_loss(model(x[1400:], "ink"), ink[1400:]).item()
        print(step + 1, "acc", round(acc, 3), "mse", round(mse, 4))
