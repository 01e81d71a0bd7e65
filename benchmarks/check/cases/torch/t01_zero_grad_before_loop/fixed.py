import torch
from torch import nn
from sklearn.datasets import make_moons

torch.manual_seed(0)
X, y = make_moons(600, noise=0.15, random_state=0)
X, y = torch.tensor(X).float(), torch.tensor(y).float()

model = nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 1))
bce = nn.BCEWithLogitsLoss()
optim = torch.optim.SGD(model.parameters(), lr=0.3)

for it in range(250):
    idx = torch.randint(0, 500, (64,))
    loss = bce(model(X[idx]).squeeze(-1), y[idx])
    model.zero_grad()
    loss.backward()
    optim.step()
    if it % 50 == 0:
        print(f"{it:4d} {loss.item():.4f}")
with torch.no_grad():
    print("held out accuracy", ((model(X[500:]).squeeze(-1) > 0).float() == y[500:]).float().mean().item())
