import torch, torch.nn as nn
import numpy as np
from sklearn.datasets import make_classification
from sklearn.metrics import f1_score
from sklearn.model_selection import train_test_split
from torch.utils.data import TensorDataset, DataLoader

torch.manual_seed(11)
X, y = make_classification(2400, 16, n_informative=8, weights=[0.9], class_sep=1.3, flip_y=0.01, random_state=5)
Xtr, Xte, ytr, yte = train_test_split(X.astype("float32"), y, test_size=0.25, stratify=y, random_state=5)
train_dl = DataLoader(TensorDataset(torch.from_numpy(Xtr), torch.from_numpy(ytr).float()), 64, shuffle=True)
valid_dl = DataLoader(TensorDataset(torch.from_numpy(Xte), torch.from_numpy(yte).float()), 16)

net = nn.Sequential(nn.Linear(16, 32), nn.GELU(), nn.Linear(32, 1))
opt = torch.optim.Adam(net.parameters(), 4e-3)
lossf = nn.BCEWithLogitsLoss()

for ep in range(9):
    net.train()
    for xb, yb in train_dl:
        opt.zero_grad()
        lossf(net(xb).squeeze(1), yb).backward()
        opt.step()

    net.eval()
    f1s = []
    with torch.no_grad():
        for xb, yb in valid_dl:
            pred = (net(xb).squeeze(1) > 0).int()
            f1s.append(f1_score(yb.int().numpy(), pred.numpy(), zero_division=0))
    print("epoch %d  f1 %.3f" % (ep, np.mean(f1s)))
