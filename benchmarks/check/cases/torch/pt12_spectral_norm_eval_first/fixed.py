import torch
import torch.nn as nn
from torch.nn.utils import spectral_norm

torch.manual_seed(0)


class Critic(nn.Module):
    def __init__(self, dim=2, width=64):
        super().__init__()
        self.body = nn.Sequential(
            spectral_norm(nn.Linear(dim, width)),
            nn.LeakyReLU(0.2),
            spectral_norm(nn.Linear(width, width)),
            nn.LeakyReLU(0.2),
            spectral_norm(nn.Linear(width, 1)),
        )

    def forward(self, x):
        return self.body(x).squeeze(1)


def real_points(n):
    angle = torch.rand(n) * 6.2832
    return torch.stack([angle.cos(), angle.sin()], 1) + 0.05 * torch.randn(n, 2)


@torch.no_grad()
def score(model):
    model.eval()
    gap = model(real_points(256)).mean() - model(torch.randn(256, 2)).mean()
    model.train()
    return gap.item()


model = Critic()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
for step in range(200):
    real, fake = model(real_points(64)), model(torch.randn(64, 2))
    loss = torch.relu(1 - real).mean() + torch.relu(1 + fake).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 50 == 49:
        print(step, loss.item(), score(model))
