import torch
from torch import nn

torch.manual_seed(0)
x = torch.rand(800, 1) * 8 - 4
y = torch.sin(x) + 0.1 * torch.randn_like(x)
net = nn.Sequential(nn.Linear(1, 96), nn.ReLU(), nn.Dropout(0.1), nn.Linear(96, 96), nn.ReLU(), nn.Dropout(0.1), nn.Linear(96, 1))
opt = torch.optim.Adam(net.parameters(), lr=3e-3)
for epoch in range(20):
    net.train()
    for i in torch.randperm(800).split(40):
        loss = nn.functional.mse_loss(net(x[i]), y[i])
        opt.zero_grad()
        loss.backward()
        opt.step()
    if epoch % 5 == 4:
        print(epoch + 1, loss.item())


def enable_dropout(model):
    model.eval()
    for m in model.modules():
        if isinstance(m, nn.Dropout):
            m.train()


def predict_with_uncertainty(model, inputs, passes=30):
    enable_dropout(model)
    with torch.no_grad():
        draws = torch.stack([model(inputs) for _ in range(passes)])
    model.eval()
    return draws.mean(0), draws.std(0)


grid = torch.linspace(-6, 6, 60)[:, None]
mean, std = predict_with_uncertainty(net, grid)
inside = grid.abs() < 3.5
print("std inside", std[inside].mean().item(), "outside", std[~inside].mean().item())
print("mse", nn.functional.mse_loss(mean[inside], torch.sin(grid[inside])).item())
