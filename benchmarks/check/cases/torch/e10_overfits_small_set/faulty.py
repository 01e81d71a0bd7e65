import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from sklearn.datasets import make_classification

torch.manual_seed(0)
X, y = make_classification(460, 40, n_informative=4, flip_y=0.2, random_state=2)
X, y = torch.tensor(X).float(), torch.tensor(y)
train_dl = DataLoader(TensorDataset(X[:60], y[:60]), batch_size=20, shuffle=True)
val_dl = DataLoader(TensorDataset(X[60:], y[60:]), batch_size=200)
model = nn.Sequential(nn.Linear(40, 512), nn.ReLU(), nn.Linear(512, 2))
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
criterion = nn.CrossEntropyLoss()

for epoch in range(60):
    model.train()
    t = 0.0
    for xb, yb in train_dl:
        loss = criterion(model(xb), yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        t += loss.item() / len(train_dl)
    model.eval()
    with torch.no_grad():
        v = sum(criterion(model(xb), yb).item() for xb, yb in val_dl) / len(val_dl)
    if epoch % 8 == 0:
        print(f"epoch {epoch:2d} train {t:.4f} val {v:.4f}")
