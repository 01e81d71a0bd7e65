import copy

import torch
import torch.nn.functional as F
from torch import nn
from sklearn.datasets import load_digits

torch.manual_seed(0)
x, y = load_digits(return_X_y=True)
x, y = torch.tensor(x / 16).float(), torch.tensor(y)
online = nn.Sequential(nn.Linear(64, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 32))
target = copy.deepcopy(online).requires_grad_(False)
predictor = nn.Sequential(nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 32))
opt = torch.optim.AdamW([*online.parameters(), *predictor.parameters()], lr=2e-3)


def view(b):
    return b + 0.15 * torch.randn_like(b)


for epoch in range(5):
    for i in torch.randperm(1400).split(100):
        a, b = view(x[i]), view(x[i])
        with torch.no_grad():
            ta, tb = target(a), target(b)
        loss = -0.5 * (F.cosine_similarity(predictor(online(a)), tb).mean() + F.cosine_similarity(predictor(online(b)), ta).mean())
        opt.zero_grad()
        loss.backward()
        opt.step()
        with torch.no_grad():
            for p, q in zip(target.parameters(), online.parameters()):
                p.lerp_(q, 0.02)
    online.eval()
    with torch.no_grad():
        z = F.normalize(online(x), dim=1)
        near = (z[1400:] @ z[:1400].T).argmax(1)
    online.train()
    print(epoch, loss.item(), "nearest neighbour accuracy", (y[near] == y[1400:]).float().mean().item())
