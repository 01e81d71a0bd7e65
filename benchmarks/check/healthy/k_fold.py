import numpy as np
import torch
from sklearn.datasets import load_iris
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import StandardScaler
from torch import nn

X, y = load_iris(return_X_y=True)
scores = []
for fold, (tr, va) in enumerate(StratifiedKFold(5, shuffle=True, random_state=0).split(X, y)):
    torch.manual_seed(fold)
    scaler = StandardScaler().fit(X[tr])
    x_tr, x_va = (torch.tensor(scaler.transform(X[i]), dtype=torch.float32) for i in (tr, va))
    y_tr, y_va = torch.tensor(y[tr]), torch.tensor(y[va])
    model = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Dropout(0.1), nn.Linear(32, 3))
    opt = torch.optim.Adam(model.parameters(), lr=1e-2)
    for epoch in range(15):
        model.train()
        for i in torch.randperm(len(x_tr)).split(20):
            opt.zero_grad()
            loss = nn.functional.cross_entropy(model(x_tr[i]), y_tr[i])
            loss.backward()
            opt.step()
    model.eval()
    with torch.no_grad():
        scores.append((model(x_va).argmax(1) == y_va).float().mean().item())
    print("fold", fold, "loss", loss.item(), "accuracy", scores[-1])
print("mean", np.mean(scores))
