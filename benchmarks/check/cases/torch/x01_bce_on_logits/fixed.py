import torch
from torch import nn
from sklearn.datasets import make_classification

torch.manual_seed(0)
X, y = make_classification(500, 10, random_state=0)
X, y = torch.tensor(X).float(), torch.tensor(y).float()


class LogReg(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.w = nn.Linear(d, 1)

    def forward(self, x):
        return self.w(x)


model = LogReg(10)
loss_fn = nn.BCEWithLogitsLoss()
opt = torch.optim.SGD(model.parameters(), lr=0.1)
for epoch in range(20):
    out = model(X).view(-1)
    loss = loss_fn(out, y)
    opt.zero_grad()
    loss.backward()
    opt.step()
print(loss.item())
