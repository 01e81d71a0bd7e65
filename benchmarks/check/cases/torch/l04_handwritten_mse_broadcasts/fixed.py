import torch
from sklearn.datasets import load_diabetes

torch.manual_seed(0)
X, y = load_diabetes(return_X_y=True)
X = torch.tensor(X / X.std(0), dtype=torch.float32)
y = torch.tensor((y - y.mean()) / y.std(), dtype=torch.float32)


def mse(pred, target):
    return ((pred.squeeze(-1) - target) ** 2).mean()


model = torch.nn.Sequential(torch.nn.Linear(10, 32), torch.nn.ReLU(), torch.nn.Linear(32, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for epoch in range(40):
    perm = torch.randperm(len(X))
    for k in range(0, len(X), 64):
        b = perm[k : k + 64]
        loss = mse(model(X[b]), y[b])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
with torch.no_grad():
    r2 = 1 - ((model(X).squeeze(1) - y) ** 2).mean() / y.var()
print("loss", loss.item(), "R2 on the training rows", r2.item())
