import copy

import torch
from torch import nn
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
X, y = load_breast_cancer(return_X_y=True)
X_tr, X_te, y_tr, y_te = train_test_split(X, y, test_size=0.2, random_state=0, stratify=y)
X_tr, X_va, y_tr, y_va = train_test_split(X_tr, y_tr, test_size=0.25, random_state=0, stratify=y_tr)
mu, sd = X_tr.mean(0), X_tr.std(0)
mk = lambda a, b: TensorDataset(torch.tensor((a - mu) / sd).float(), torch.tensor(b).float())
train, val, test = DataLoader(mk(X_tr, y_tr), 32, shuffle=True), DataLoader(mk(X_va, y_va), 64), DataLoader(mk(X_te, y_te), 64)
model = nn.Sequential(nn.Linear(30, 32), nn.ReLU(), nn.Dropout(0.2), nn.Linear(32, 1))
crit = nn.BCEWithLogitsLoss()
opt = torch.optim.Adam(model.parameters(), lr=5e-3)
plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(opt, factor=0.5, patience=2)


def evaluate(loader):
    model.eval()
    total = hits = n = 0
    with torch.no_grad():
        for xb, yb in loader:
            out = model(xb).squeeze(1)
            total += crit(out, yb).item() * len(yb)
            hits += ((out > 0) == yb.bool()).sum().item()
            n += len(yb)
    return total / n, hits / n


best, state = float("inf"), None
for epoch in range(15):
    model.train()
    for xb, yb in train:
        loss = crit(model(xb).squeeze(1), yb)
        opt.zero_grad()
        loss.backward()
        opt.step()
    v, acc = evaluate(val)
    plateau.step(v)
    if v < best:
        best, state = v, copy.deepcopy(model.state_dict())
model.load_state_dict(state)
print("best val loss", best, "test", evaluate(test))
