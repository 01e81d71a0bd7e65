import torch
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from torch import nn
import copy


class EarlyStopping:
    def __init__(self, patience=5, restore_best_weights=True):
        self.patience = patience
        self.restore_best_weights = restore_best_weights
        self.best = float("inf")
        self.wait = 0
        self.state_dict = None
        self.stop = False

    def on_epoch_end(self, epoch, val_loss, model):
        if val_loss < self.best:
            self.best, self.wait = val_loss, 0
            if self.restore_best_weights:
                self.state_dict = copy.deepcopy(model.state_dict())
        else:
            self.wait += 1
            self.stop = self.wait >= self.patience

    def on_train_end(self, model):
        if self.restore_best_weights and self.state_dict is not None:
            model.load_state_dict(self.state_dict)


torch.manual_seed(0)
X, y = load_breast_cancer(return_X_y=True)
X_tr, X_va, y_tr, y_va = train_test_split(X, y, random_state=0)
mu, sd = X_tr.mean(0), X_tr.std(0)
X_tr, X_va = (torch.tensor((a - mu) / sd, dtype=torch.float32) for a in (X_tr, X_va))
y_tr, y_va = (torch.tensor(a, dtype=torch.float32)[:, None] for a in (y_tr, y_va))

model = nn.Sequential(nn.Linear(30, 64), nn.ReLU(), nn.Linear(64, 1))
crit = nn.BCEWithLogitsLoss()
opt = torch.optim.Adam(model.parameters(), lr=2e-2)
stopper = EarlyStopping(patience=6)
for epoch in range(60):
    model.train()
    order = torch.randperm(len(X_tr))
    for idx in order.split(64):
        opt.zero_grad()
        crit(model(X_tr[idx]), y_tr[idx]).backward()
        opt.step()
    model.eval()
    with torch.no_grad():
        val = crit(model(X_va), y_va).item()
    stopper.on_epoch_end(epoch, val, model)
    if stopper.stop:
        break
stopper.on_train_end(model)
with torch.no_grad():
    print("stopped at", epoch, "best val", round(stopper.best, 4), "val of restored", round(crit(model(X_va), y_va).item(), 4))
