import numpy as np
import torch
from torch import nn

torch.manual_seed(0)
rng = np.random.RandomState(0)

# support tickets: 20 embedding features, 4 queues, the fourth queue was opened in spring
n = 1600
centres = rng.randn(4, 20) * 0.9
queue = rng.choice(4, size=n, p=[0.4, 0.25, 0.15, 0.2])
queue[:400] = rng.choice(3, size=400, p=[0.5, 0.3, 0.2])
feats = centres[queue] + rng.randn(n, 20)

perm = rng.permutation(n)
train_idx, val_idx = perm[:1280], perm[1280:]

counts = np.bincount(queue[:300], minlength=4)
weight = np.zeros(4)
weight[counts > 0] = counts.sum() / (4 * counts[counts > 0])

X = torch.tensor(feats, dtype=torch.float32)
Y = torch.tensor(queue)
criterion = nn.CrossEntropyLoss(weight=torch.tensor(weight, dtype=torch.float32))
clf = nn.Sequential(nn.Linear(20, 32), nn.ReLU(), nn.Linear(32, 4))
opt = torch.optim.Adam(clf.parameters(), lr=2e-3)
for epoch in range(12):
    np.random.seed(epoch)
    for b in np.array_split(np.random.permutation(train_idx), 20):
        loss = criterion(clf(X[b]), Y[b])
        opt.zero_grad()
        loss.backward()
        opt.step()
with torch.no_grad():
    guess = clf(X[val_idx]).argmax(1)
print("weights", weight.round(2), "last loss", loss.item())
for k in range(4):
    print("queue", k, "recall", (guess[Y[val_idx] == k] == k).float().mean().item())
