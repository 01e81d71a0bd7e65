import torch
from torch import nn
from sklearn.datasets import make_regression

X, y = make_regression(n_samples=400, n_features=8, noise=5.0, random_state=0)
X = torch.tensor(X, dtype=torch.float32)
y = torch.tensor(y / y.std(), dtype=torch.float32).unsqueeze(1)
torch.manual_seed(0)
model = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 1))
opt = torch.optim.SGD(model.parameters(), lr=0.05)
mse = nn.MSELoss()
for step in range(200):
    i = torch.randint(0, 400, (32,))
    loss = mse(model(X[i]), y[i])
    opt.zero_grad()
    loss.backward()
    opt.step()
    if step < 5 or step % 40 == 0:
        print(step, loss.item())
