import torch
from torch import nn

torch.manual_seed(0)
x = torch.rand(2000, 1) * 4
y = torch.sin(2 * x) + (0.1 + 0.2 * x) * torch.randn_like(x)
q = torch.tensor([0.1, 0.5, 0.9])
net = nn.Sequential(nn.Linear(1, 64), nn.SiLU(), nn.Linear(64, 64), nn.SiLU(), nn.Linear(64, 3))
opt = torch.optim.Adam(net.parameters(), lr=3e-3)


def pinball(pred, target):
    error = target - pred
    return torch.maximum(q * error, (q - 1) * error).mean()


for step in range(400):
    i = torch.randint(0, 1600, (100,))
    loss = pinball(net(x[i]), y[i])
    opt.zero_grad()
    loss.backward()
    opt.step()
    if step % 100 == 99:
        with torch.no_grad():
            cover = (y[1600:] <= net(x[1600:])).float().mean(0)
        print(step + 1, loss.item(), "coverage", [round(c, 3) for c in cover.tolist()])
