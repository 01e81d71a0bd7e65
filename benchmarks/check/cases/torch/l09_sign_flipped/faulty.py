import torch
import torch.nn as nn
from sklearn.datasets import load_iris

torch.manual_seed(0)
X, y = load_iris(return_X_y=True)
X = torch.tensor((X - X.mean(0)) / X.std(0)).float()
y = torch.tensor(y)


def log_likelihood(model, x, y):
    return -nn.functional.cross_entropy(model(x), y)


model = nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 3))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
for step in range(200):
    batch = torch.randint(0, 150, (32,))
    objective = log_likelihood(model, X[batch], y[batch])
    optimizer.zero_grad()
    objective.backward()
    optimizer.step()
    if step % 40 == 0:
        acc = (model(X).argmax(1) == y).float().mean().item()
        print(step, "objective", round(objective.item(), 4), "acc", round(acc, 3))
