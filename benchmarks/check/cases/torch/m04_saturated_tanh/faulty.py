import torch
from torch import nn
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

torch.manual_seed(0)
X, y = load_breast_cancer(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0, stratify=y)
X_train, X_test = torch.tensor(X_train).float(), torch.tensor(X_test).float()
y_train, y_test = torch.tensor(y_train).float(), torch.tensor(y_test).float()


class TanhNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.h1 = nn.Linear(30, 20)
        self.h2 = nn.Linear(20, 20)
        self.out = nn.Linear(20, 1)

    def forward(self, x):
        x = torch.tanh(self.h1(x))
        x = torch.tanh(self.h2(x))
        return self.out(x).squeeze(1)


net = TanhNet()
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
loss_fn = nn.BCEWithLogitsLoss()
for epoch in range(30):
    for idx in torch.randperm(len(X_train)).split(32):
        loss = loss_fn(net(X_train[idx]), y_train[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    if epoch % 6 == 0:
        acc = ((net(X_test) > 0) == y_test).float().mean().item()
        print(f"epoch {epoch:3d} loss {loss.item():.4f} acc {acc:.4f}")
