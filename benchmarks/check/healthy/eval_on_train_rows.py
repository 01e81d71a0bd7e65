import torch
from torch import nn
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
X, y = load_wine(return_X_y=True)
X_tr, X_va, y_tr, y_va = train_test_split(X, y, stratify=y, random_state=0)
m, s = X_tr.mean(0), X_tr.std(0)
make = lambda a, b: TensorDataset(torch.tensor((a - m) / s).float(), torch.tensor(b))
train, val = make(X_tr, y_tr), make(X_va, y_va)


@torch.no_grad()
def evaluate(model, ds):
    model.eval()
    hits = sum((model(x).argmax(1) == y).sum().item() for x, y in DataLoader(ds, 50))
    model.train()
    return hits / len(ds)


model = nn.Sequential(nn.Linear(13, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 3))
opt = torch.optim.Adam(model.parameters(), lr=5e-3)
model.train()
for epoch in range(12):
    for x, y in DataLoader(train, 19, shuffle=True):
        loss = nn.functional.cross_entropy(model(x), y)
        opt.zero_grad()
        loss.backward()
        opt.step()
    if epoch % 3 == 2:
        print(epoch + 1, loss.item(), "train", evaluate(model, train), "val", evaluate(model, val))
