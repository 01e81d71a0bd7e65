import torch
import torch.nn.functional as F
from torch import nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset


class VAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(64, 48)
        self.mu, self.logvar = nn.Linear(48, 4), nn.Linear(48, 4)
        self.fc3 = nn.Linear(4, 48)
        self.fc4 = nn.Linear(48, 64)

    def forward(self, x):
        h = F.relu(self.fc1(x))
        mu, logvar = self.mu(h), self.logvar(h)
        z = mu + torch.randn_like(mu) * torch.exp(0.5 * logvar)
        return torch.sigmoid(self.fc4(F.relu(self.fc3(z)))), mu, logvar


def loss_function(recon, x, mu, logvar):
    bce = F.binary_cross_entropy(recon, x, reduction="sum")
    kld = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return bce + kld


torch.manual_seed(1)
x = torch.tensor(load_digits().data / 16).float()
loader = DataLoader(TensorDataset(x[:1500]), batch_size=100, shuffle=True)
test = DataLoader(TensorDataset(x[1500:]), batch_size=100)
model = VAE()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
for epoch in range(10):
    model.train()
    total = 0.0
    for (data,) in loader:
        optimizer.zero_grad()
        loss = loss_function(*((lambda r, m, v: (r, data, m, v))(*model(data))))
        loss.backward()
        optimizer.step()
        total += loss.item()
    model.eval()
    with torch.no_grad():
        val = 0.0
        for (data,) in test:
            recon, mu, logvar = model(data)
            val += loss_function(recon, data, mu, logvar).item()
    print(f"epoch {epoch} train {total / 1500:.3f} test {val / 297:.3f}")
