import numpy as np
import torch
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def oversample(x, y, rng):
    rare = np.flatnonzero(y == 1)
    extra = rng.choice(rare, size=(y == 0).sum() - len(rare))
    return np.concatenate([x, x[extra]]), np.concatenate([y, y[extra]])


rng = np.random.default_rng(0)
torch.manual_seed(0)
x, y = make_classification(1200, 20, n_informative=5, weights=[0.85], flip_y=0.1, random_state=0)
x = x.astype("float32")
x, y = oversample(x, y, rng)
x_tr, x_va, y_tr, y_va = train_test_split(x, y, test_size=0.25, random_state=1)
train_loader = DataLoader(TensorDataset(torch.tensor(x_tr), torch.tensor(y_tr)), batch_size=64, shuffle=True)
val_loader = DataLoader(TensorDataset(torch.tensor(x_va), torch.tensor(y_va)), batch_size=128)

model = nn.Sequential(nn.Linear(20, 128), nn.ReLU(), nn.Linear(128, 2))
opt = torch.optim.Adam(model.parameters(), lr=3e-3)
for epoch in range(8):
    model.train()
    for xb, yb in train_loader:
        loss = nn.functional.cross_entropy(model(xb), yb)
        opt.zero_grad()
        loss.backward()
        opt.step()
    model.eval()
    with torch.no_grad():
        hits = [(model(xb).argmax(1) == yb).float() for xb, yb in val_loader]
    print(f"epoch {epoch} loss {loss.item():.3f} val acc {torch.cat(hits).mean().item():.3f}")
