import torch
from torch import nn
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

torch.manual_seed(0)
X, y = load_breast_cancer(return_X_y=True)
X_tr, X_te, y_tr, y_te = train_test_split(X, y, random_state=0, stratify=y)
scaler = StandardScaler().fit(X_tr)
X_tr, X_te = (torch.tensor(scaler.transform(a), dtype=torch.float32) for a in (X_tr, X_te))
y_tr, y_te = (torch.tensor(a, dtype=torch.float32).unsqueeze(1) for a in (y_tr, y_te))
model = nn.Linear(30, 1)
opt = torch.optim.LBFGS(model.parameters(), lr=1.0, max_iter=10, line_search_fn="strong_wolfe")


def closure():
    opt.zero_grad()
    loss = nn.functional.binary_cross_entropy_with_logits(model(X_tr), y_tr) + 1e-3 * model.weight.square().sum()
    loss.backward()
    return loss


for epoch in range(10):
    loss = opt.step(closure)
    with torch.no_grad():
        acc = ((model(X_te) > 0).float() == y_te).float().mean()
    print(epoch, loss.item(), acc.item())
