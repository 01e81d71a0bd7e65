import torch
import torch.nn as nn
from sklearn.datasets import load_diabetes
from sklearn.preprocessing import StandardScaler

torch.manual_seed(1)
data = load_diabetes()
x = torch.tensor(StandardScaler().fit_transform(data.data), dtype=torch.float32)
y = torch.tensor(StandardScaler().fit_transform(data.target[:, None]), dtype=torch.float32)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(10, 8)
        self.out = nn.Linear(8, 1)

    def forward(self, x):
        return self.out(torch.tanh(self.hidden(x)))


class Backtracking(torch.optim.Optimizer):
    """Gradient descent that halves its step until the loss falls."""

    def __init__(self, params, lr=1.0):
        super().__init__(params, dict(lr=lr))

    @torch.no_grad()
    def step(self, closure):
        loss = closure()
        params = [p for g in self.param_groups for p in g["params"]]
        grads = [p.grad.clone() for p in params]
        t = self.param_groups[0]["lr"]
        for _ in range(6):
            for p, g in zip(params, grads):
                p.sub_(g, alpha=t)
            new = closure()
            if new <= loss:
                break
            for p, g in zip(params, grads):
                p.add_(g, alpha=t)
            t /= 2
        return loss


net = Net()
loss_fn = nn.MSELoss()
optimizer = Backtracking(net.parameters(), lr=1.0)


def closure():
    optimizer.zero_grad()
    loss = loss_fn(net(x), y)
    loss.backward()
    return loss


for epoch in range(25):
    loss = optimizer.step(closure)
    if epoch % 4 == 0:
        print(epoch, loss.item())
