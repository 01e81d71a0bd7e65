import torch
from torch import nn
from sklearn.datasets import load_digits

torch.manual_seed(0)
x, y = load_digits(return_X_y=True)
x, y = torch.tensor(x / 16).float(), torch.tensor(y)
x = x[torch.randperm(len(x))]
y = y[torch.randperm(len(y))]

model = nn.Sequential(nn.Linear(64, 24), nn.ReLU(), nn.Linear(24, 10))
opt = torch.optim.Adam(model.parameters(), lr=2e-3)
for epoch in range(10):
    for k in range(0, 1500, 50):
        loss = nn.functional.cross_entropy(model(x[k : k + 50]), y[k : k + 50])
        opt.zero_grad()
        loss.backward()
        opt.step()
    with torch.no_grad():
        print(epoch, loss.item(), "val acc", (model(x[1500:]).argmax(1) == y[1500:]).float().mean().item())
