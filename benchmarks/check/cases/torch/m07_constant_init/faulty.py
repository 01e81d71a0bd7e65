import torch
from torch import nn
from sklearn.datasets import make_moons

torch.manual_seed(0)
X, y = make_moons(800, noise=0.1, random_state=0)
X, y = torch.tensor(X).float(), torch.tensor(y).float()


def reset(layer):
    if isinstance(layer, nn.Linear):
        nn.init.constant_(layer.weight, 0.1)
        nn.init.zeros_(layer.bias)


net = nn.Sequential(nn.Linear(2, 24), nn.Tanh(), nn.Linear(24, 24), nn.Tanh(), nn.Linear(24, 1))
net.apply(reset)
opt = torch.optim.Adam(net.parameters(), lr=0.01)
crit = nn.BCEWithLogitsLoss()
for epoch in range(15):
    for i in torch.randperm(800).split(50):
        opt.zero_grad()
        loss = crit(net(X[i])[:, 0], y[i])
        loss.backward()
        opt.step()
    if epoch % 5 == 4:
        print(epoch + 1, loss.item(), ((net(X)[:, 0] > 0) == y).float().mean().item())
