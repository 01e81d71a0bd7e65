import copy

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def accuracy(model, loader):
    model.eval()
    hits = count = 0
    with torch.no_grad():
        for x, y in loader:
            hits += (model(x).argmax(1) == y).sum().item()
            count += len(y)
    return hits / count


def main():
    torch.manual_seed(0)
    x, y = load_digits(return_X_y=True)
    x = torch.tensor(x / 16, dtype=torch.float32)
    y = torch.tensor(y)
    tr, te = train_test_split(range(len(x)), test_size=0.3, random_state=0)
    te, va = train_test_split(te, test_size=0.5, random_state=0)
    train_loader = DataLoader(TensorDataset(x[tr], y[tr]), batch_size=128, shuffle=True)
    test_loader = DataLoader(TensorDataset(x[te], y[te]), batch_size=256)
    val_loader = DataLoader(TensorDataset(x[va], y[va]), batch_size=256)

    model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
    opt = torch.optim.Adam(model.parameters(), lr=5e-3)
    best_acc, best = 0.0, None
    for epoch in range(8):
        model.train()
        for xb, yb in train_loader:
            opt.zero_grad()
            nn.functional.cross_entropy(model(xb), yb).backward()
            opt.step()
        acc = accuracy(model, val_loader)
        if acc > best_acc:
            best_acc = acc
            best = copy.deepcopy(model.state_dict())
        print("Epoch", epoch, "acc", round(acc, 4))
    model.load_state_dict(best)
    print("Final test accuracy:", round(accuracy(model, test_loader), 4))


if __name__ == "__main__":
    main()
