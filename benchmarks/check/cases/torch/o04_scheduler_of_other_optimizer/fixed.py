import torch
from torch import nn
from torch.optim.lr_scheduler import ExponentialLR

torch.manual_seed(0)


def make_optimizer(model, lr):
    return torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)


model = nn.Sequential(nn.Linear(5, 40), nn.ReLU(), nn.Linear(40, 1))
optimizer = make_optimizer(model, 0.05)
scheduler = ExponentialLR(optimizer, gamma=0.6)

x = torch.randn(500, 5)
y = (x[:, :1] * x[:, 1:2]) + 0.3 * torch.randn(500, 1)
for epoch in range(8):
    for idx in torch.randperm(500).split(25):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(x[idx]), y[idx])
        loss.backward()
        optimizer.step()
    scheduler.step()
    print(f"epoch {epoch} loss {loss.item():.4f} lr {optimizer.param_groups[0]['lr']:.5f}")
