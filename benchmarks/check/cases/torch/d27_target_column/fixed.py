import torch
from torch import nn
import torch.nn.functional as F
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
import numpy as np
X, y = load_diabetes(return_X_y=True)
frame = np.column_stack([X, (y - y.mean()) / y.std()]).astype(np.float32)   # last column: progression
features, target = frame[:, :-1], frame[:, -1:]
a, b, c, d = train_test_split(features, target, test_size=0.25, random_state=1)
sc = StandardScaler().fit(a)
a, b = (torch.tensor(sc.transform(v), dtype=torch.float32) for v in (a, b))
c, d = torch.tensor(c), torch.tensor(d)
torch.manual_seed(0)
model = nn.Sequential(nn.Linear(a.shape[1], 64), nn.ReLU(), nn.Linear(64, 1))
optim = torch.optim.Adam(model.parameters(), lr=3e-3)
for epoch in range(40):
    model.train()
    perm = torch.randperm(len(a))
    for k in range(0, len(a), 32):
        idx = perm[k:k + 32]
        optim.zero_grad()
        loss = F.mse_loss(model(a[idx]), c[idx])
        loss.backward()
        optim.step()
    if epoch % 10 == 9:
        model.eval()
        with torch.no_grad():
            print(epoch, "val mse", F.mse_loss(model(b), d).item())
