import torch
from torch import nn
import torch.nn.functional as F
import numpy as np
from sklearn.datasets import load_digits
np.random.seed(0); torch.manual_seed(0)
d = load_digits()
X = torch.tensor(d.data / 16, dtype=torch.float32); Y = torch.tensor(d.target)
net = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
opt = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
crit = nn.CrossEntropyLoss()
def mixup(x, y, alpha=0.4):
    lam = np.random.beta(alpha, alpha)
    p = torch.randperm(x.size(0))
    return lam * x + (1 - lam) * x[p], y, y[p], lam
for epoch in range(5):
    net.train()
    for idx in torch.randperm(1400).split(50):
        x, ya, yb, lam = mixup(X[idx], Y[idx])
        out = net(x)
        loss = lam * crit(out, ya) + (1 - lam) * crit(out, yb)
        opt.zero_grad(); loss.backward(); opt.step()
    net.eval()
    with torch.no_grad(): print(epoch, loss.item(), (net(X[1400:]).argmax(1) == Y[1400:]).float().mean().item())
