import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(1)
# grey 16 x 16 pictures of one bright spot that lies anywhere
grid = torch.arange(16.0)
cx, cy = torch.rand(2000, 1, 1) * 11 + 2, torch.rand(2000, 1, 1) * 11 + 2
images = torch.exp(-((grid[None, None, :] - cx) ** 2 + (grid[None, :, None] - cy) ** 2) / 9).flatten(1)


class VAE(nn.Module):
    def __init__(self, latent=4):
        super().__init__()
        self.enc = nn.Sequential(nn.Linear(256, 128), nn.ReLU())
        self.mu = nn.Linear(128, latent)
        self.logvar = nn.Linear(128, latent)
        self.dec = nn.Sequential(nn.Linear(latent, 128), nn.ReLU(), nn.Linear(128, 256))

    def forward(self, x):
        h = self.enc(x)
        mu, logvar = self.mu(h), self.logvar(h)
        z = mu + torch.randn_like(mu) * torch.exp(0.5 * logvar)
        return self.dec(z), mu, logvar


def vae_loss(recon, x, mu, logvar):
    rec = F.binary_cross_entropy_with_logits(recon, x)
    kld = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return rec + kld


model = VAE()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
for epoch in range(14):
    for batch in torch.randperm(len(images)).split(100):
        x = images[batch]
        recon, mu, logvar = model(x)
        loss = vae_loss(recon, x, mu, logvar)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    error = (torch.sigmoid(recon) - x).pow(2).mean().item()
    print(f"epoch {epoch} loss {loss.item():.3f} squared error {error:.4f} of variance {x.var(0).mean().item():.4f}")
