import torch
from torch import nn

torch.manual_seed(0)


def pairwise_distance(z):
    diff = z[:, None] - z[None]
    return torch.sqrt((diff**2).sum(-1) + 1e-9)


class Embedder(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Linear(32, 2))

    def forward(self, x):
        return self.net(x)


x = torch.randn(300, 10)
true_d = torch.cdist(x[:, :2], x[:, :2])
model = Embedder()
opt = torch.optim.Adam(model.parameters(), lr=5e-3)
for step in range(100):
    i = torch.randint(0, 300, (40,)).unique()
    d = pairwise_distance(model(x[i]))
    stress = ((d - true_d[i][:, i]) ** 2).mean()
    opt.zero_grad()
    stress.backward()
    opt.step()
    if step % 20 == 0:
        print(step, stress.item())
