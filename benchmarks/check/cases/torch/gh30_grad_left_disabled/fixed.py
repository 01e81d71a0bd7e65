import torch
from torch import nn

torch.manual_seed(0)


class UnrolledDenoiser(nn.Module):
    """A few fixed-point iterations; only the last one is differentiated."""

    def __init__(self, channels=8, iterations=4):
        super().__init__()
        self.net = nn.Sequential(nn.Conv1d(1, channels, 5, padding=2), nn.Tanh(), nn.Conv1d(channels, 1, 5, padding=2))
        self.iterations = iterations

    def init_iterate(self, y):
        with torch.no_grad():
            x = y.clone()
            for _ in range(self.iterations):
                x = x - 0.2 * (x - y) - 0.2 * self.net(x)
        return x

    def forward(self, y):
        x = self.init_iterate(y)
        return x - self.net(x)


t = torch.linspace(0, 12, 64)
clean = torch.sin(t * (0.5 + torch.rand(128, 1)))[:, None]
noisy = clean + 0.3 * torch.randn_like(clean)
model = UnrolledDenoiser()
opt = torch.optim.Adam(model.parameters(), lr=1e-2)
for epoch in range(10):
    for i in range(0, 128, 16):
        opt.zero_grad()
        loss = nn.functional.mse_loss(model(noisy[i : i + 16]), clean[i : i + 16])
        loss.backward()
        opt.step()
    print(epoch, loss.item())
