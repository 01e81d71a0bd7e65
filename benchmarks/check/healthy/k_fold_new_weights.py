"""Cross-validation with one module: its weights are drawn anew before each fold."""
import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_wine
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import StandardScaler

torch.manual_seed(0)
X, y = load_wine(return_X_y=True)


def reset_weights(m):
    if hasattr(m, "reset_parameters"):
        m.reset_parameters()


model = nn.Sequential(nn.Linear(13, 32), nn.ReLU(), nn.Linear(32, 3))
scores = []
for train, test in StratifiedKFold(5, shuffle=True, random_state=0).split(X, y):
    model.apply(reset_weights)
    scaler = StandardScaler().fit(X[train])
    xs, ys = torch.tensor(scaler.transform(X), dtype=torch.float32), torch.tensor(y)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    model.train()
    for epoch in range(15):
        for rows in np.array_split(np.random.default_rng(epoch).permutation(train), 5):
            loss = nn.functional.cross_entropy(model(xs[rows]), ys[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    model.eval()
    with torch.no_grad():
        scores.append((model(xs[test]).argmax(1) == ys[test]).float().mean().item())
print("accuracy", np.mean(scores))
