import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(400, 5)
y = x.abs().sum(1)
weights = torch.rand(400) + 0.5
model = nn.Sequential(nn.Linear(5, 32), nn.ReLU(), nn.Linear(32, 1))
criterion = nn.SmoothL1Loss(reduction="none")
opt = torch.optim.Adam(model.parameters(), lr=1e-2)
for step in range(60):
    i = torch.randint(0, 400, (50,))
    loss = weights[i] * criterion(model(x[i]).squeeze(1), y[i])
    opt.zero_grad()
    loss.backward()
    opt.step()
print(loss.mean().item())
