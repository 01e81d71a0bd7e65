import torch
from torch import nn
import torch.nn.functional as F

torch.manual_seed(0)
X = torch.randn(1000, 6); rate = torch.exp(0.5 * X[:, 0] - 0.3 * X[:, 1] + 0.5); y = torch.poisson(rate)
class CountNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(6, 32), nn.ReLU(), nn.Linear(32, 1), nn.Softplus())
    def forward(self, x): return self.net(x).squeeze(-1)
model, loss_fn = CountNet(), nn.PoissonNLLLoss(log_input=False)
opt = torch.optim.Adam(model.parameters(), lr=3e-3)
for epoch in range(8):
    for i in range(0, 800, 40):
        opt.zero_grad(); loss = loss_fn(model(X[i:i+40]), y[i:i+40]); loss.backward(); opt.step()
    with torch.no_grad(): print(epoch, loss.item(), (model(X[800:]) - rate[800:]).abs().mean().item())
