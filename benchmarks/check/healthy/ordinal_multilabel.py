import torch
from torch import nn
from sklearn.datasets import load_diabetes
from sklearn.preprocessing import StandardScaler
import numpy as np

torch.manual_seed(0)
X, t = load_diabetes(return_X_y=True)
grade = np.digitize(t, np.quantile(t, [0.25, 0.5, 0.75]))
X = torch.tensor(StandardScaler().fit(X[:340]).transform(X)).float()
grade = torch.tensor(grade)
levels = (grade[:, None] > torch.arange(3)).float()
net = nn.Sequential(nn.Linear(10, 24), nn.ReLU(), nn.Dropout(0.1), nn.Linear(24, 3))
opt = torch.optim.AdamW(net.parameters(), lr=3e-3, weight_decay=0.05)
crit = nn.BCEWithLogitsLoss(pos_weight=torch.tensor([0.33, 1.0, 3.0]))
for epoch in range(25):
    net.train()
    for i in torch.randperm(340).split(34):
        loss = crit(net(X[i]), levels[i])
        opt.zero_grad()
        loss.backward()
        opt.step()
    net.eval()
    if epoch % 6 == 0:
        with torch.no_grad():
            pred = (net(X[340:]).sigmoid() > 0.5).sum(1)
        print(epoch, loss.item(), "mean error in grades", (pred - grade[340:]).abs().float().mean().item())
