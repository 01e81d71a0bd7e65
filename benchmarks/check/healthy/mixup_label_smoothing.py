import torch
from torch import nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
x, y = load_digits(return_X_y=True)
x, y = torch.tensor(x / 16).float(), torch.tensor(y)
loader = DataLoader(TensorDataset(x[:1400], y[:1400]), 50, shuffle=True, drop_last=True)
model = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Dropout(0.3), nn.Linear(96, 10))
criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
opt = torch.optim.AdamW(model.parameters(), lr=3e-3)
beta = torch.distributions.Beta(0.4, 0.4)
for epoch in range(10):
    model.train()
    hits = n = 0
    for xb, yb in loader:
        lam = beta.sample()
        perm = torch.randperm(len(xb))
        target = nn.functional.one_hot(yb, 10).float()
        mixed = lam * xb + (1 - lam) * xb[perm]
        target = lam * target + (1 - lam) * target[perm]
        out = model(mixed)
        loss = criterion(out, target)
        opt.zero_grad()
        loss.backward()
        opt.step()
        hits += (out.argmax(1) == yb).sum().item()
        n += len(yb)
    model.eval()
    with torch.no_grad():
        acc = (model(x[1400:]).argmax(1) == y[1400:]).float().mean().item()
    print(epoch, round(loss.item(), 3), "train acc", round(hits / n, 3), "val acc", round(acc, 3))
