import torch
from torch import nn
from sklearn.datasets import load_digits

torch.manual_seed(0)
x, y = load_digits(return_X_y=True)
x, y = torch.tensor(x).float(), torch.tensor(y)
x_train, x_test, y_train, y_test = x[:1300], x[1300:], y[:1300], y[1300:]
mean, std = x_train.mean(0), x_train.std(0)
std = std.clamp(min=1e-3)
x_train = (x_train - mean) / std
x_test = (x_test - mean) / std

model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
opt = torch.optim.Adam(model.parameters(), lr=2e-3)
for epoch in range(6):
    for b in torch.randperm(1300).split(65):
        out = model(x_train[b])
        loss = nn.functional.cross_entropy(out, y_train[b])
        opt.zero_grad()
        loss.backward()
        opt.step()
    print(epoch, loss.item(), (model(x_test).argmax(1) == y_test).float().mean().item())
