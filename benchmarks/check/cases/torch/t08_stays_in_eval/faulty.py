import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset
from sklearn.datasets import load_digits

torch.manual_seed(0)
X, y = load_digits(return_X_y=True)
X = torch.tensor(X / 16.0, dtype=torch.float32).view(-1, 1, 8, 8)
y = torch.tensor(y)
dl_train = DataLoader(TensorDataset(X[:400], y[:400]), batch_size=25, shuffle=True)
dl_val = DataLoader(TensorDataset(X[1000:], y[1000:]), batch_size=200)

model = nn.Sequential(
    nn.Conv2d(1, 16, 3), nn.BatchNorm2d(16), nn.ReLU(), nn.Flatten(), nn.Dropout(0.5), nn.Linear(16 * 36, 10)
)
opt = torch.optim.Adam(model.parameters(), lr=3e-3)
loss_func = nn.CrossEntropyLoss()


def fit(epochs):
    model.train()
    for epoch in range(epochs):
        for xb, yb in dl_train:
            loss = loss_func(model(xb), yb)
            loss.backward()
            opt.step()
            opt.zero_grad()
        model.eval()
        with torch.no_grad():
            nums = [len(xb) for xb, _ in dl_val]
            losses = [loss_func(model(xb), yb).item() for xb, yb in dl_val]
        print(epoch, "val loss", sum(l * n for l, n in zip(losses, nums)) / sum(nums))


fit(5)
