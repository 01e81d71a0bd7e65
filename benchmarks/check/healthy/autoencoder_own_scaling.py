import torch
from torch import nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset


class Denoiser(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.tensor(78.0))
        self.register_buffer("std", torch.tensor(96.0))
        self.net = nn.Sequential(nn.Flatten(), nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 64))

    def forward(self, raw):
        z = (raw.float() - self.mean) / self.std
        z = z + 0.3 * torch.randn_like(z) if self.training else z
        return self.net(z)


torch.manual_seed(0)
raw = (torch.tensor(load_digits().images) * (255 / 16)).round().to(torch.uint8)
loader = DataLoader(TensorDataset(raw[:1500]), 60, shuffle=True)
model = Denoiser()
opt = torch.optim.AdamW(model.parameters(), lr=3e-3)
for epoch in range(6):
    model.train()
    for (b,) in loader:
        target = (b.float().flatten(1) - model.mean) / model.std
        loss = nn.functional.mse_loss(model(b), target)
        opt.zero_grad()
        loss.backward()
        opt.step()
    model.eval()
    with torch.no_grad():
        b = raw[1500:]
        print(epoch, loss.item(), nn.functional.mse_loss(model(b), (b.float().flatten(1) - model.mean) / model.std).item())
