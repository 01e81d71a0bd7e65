import torch
from torch import nn
import torch.nn.functional as F

import numpy as np
from sklearn.datasets import load_wine
from sklearn.model_selection import KFold
from sklearn.preprocessing import StandardScaler
torch.manual_seed(0)
X, y = load_wine(return_X_y=True)
def build():
    return nn.Sequential(nn.Linear(13, 24), nn.ReLU(), nn.Linear(24, 3))
scores = []
for fold, (tr, te) in enumerate(KFold(5, shuffle=True, random_state=0).split(X)):
    model = build()
    sc = StandardScaler().fit(X[tr])
    Xs = torch.tensor(sc.transform(X), dtype=torch.float32)
    ys = torch.tensor(y)
    opt = torch.optim.Adam(model.parameters(), lr=1e-2)
    for epoch in range(10):
        model.train()
        for i in np.array_split(np.random.default_rng(epoch).permutation(tr), 6):
            loss = F.cross_entropy(model(Xs[i]), ys[i])
            opt.zero_grad(); loss.backward(); opt.step()
    model.eval()
    with torch.no_grad():
        scores.append((model(Xs[te]).argmax(1) == ys[te]).float().mean().item())
print("cv accuracy", np.mean(scores))
