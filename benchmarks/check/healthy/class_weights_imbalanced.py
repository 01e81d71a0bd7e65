import torch
from sklearn.datasets import make_classification
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
X, y = make_classification(4000, 15, n_informative=6, weights=[0.97], class_sep=1.5, random_state=0)
X_tr, X_te, y_tr, y_te = train_test_split(X, y, stratify=y, test_size=0.3, random_state=0)
mean, std = X_tr.mean(0), X_tr.std(0)
X_tr, X_te = (torch.tensor((a - mean) / std).float() for a in (X_tr, X_te))
y_tr = torch.tensor(y_tr)
weight = len(y_tr) / (2 * torch.bincount(y_tr))
crit = nn.CrossEntropyLoss(weight=weight)
model = nn.Sequential(nn.Linear(15, 32), nn.ReLU(), nn.Linear(32, 2))
opt = torch.optim.Adam(model.parameters(), lr=3e-3)
for epoch in range(6):
    for xb, yb in DataLoader(TensorDataset(X_tr, y_tr), 64, shuffle=True):
        opt.zero_grad()
        loss = crit(model(xb), yb)
        loss.backward()
        opt.step()
    with torch.no_grad():
        print(epoch, loss.item(), balanced_accuracy_score(y_te, model(X_te).argmax(1)))
