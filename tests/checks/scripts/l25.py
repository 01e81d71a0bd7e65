"""L25 the divergence outweighs the reconstruction: scripts that must fire and that must not."""

_VAE = """
class VAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.enc, self.mu, self.logvar = nn.Linear(32, 32), nn.Linear(32, 4), nn.Linear(32, 4)
        self.dec = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 32))

    def forward(self, x):
        h = self.enc(x).relu()
        mu, logvar = self.mu(h), self.logvar(h)
        return self.dec(mu + torch.randn_like(mu) * torch.exp(0.5 * logvar)), mu, logvar


code = torch.randn(256, 2)
rows = torch.sigmoid(3 * code @ torch.randn(2, 32))
model = VAE()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
for epoch in range(40):
    for x in rows.split(32):
        out, mu, logvar = model(x)
        kl = KL
        loss = LOSS
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
"""
_BY_HAND = "-0.5 * (1 + logvar - mu.pow(2) - logvar.exp()).sum(1).mean()"
_BY_LIBRARY = (
    "torch.distributions.kl_divergence(torch.distributions.Normal(mu, torch.exp(0.5 * logvar)), "
    "torch.distributions.Normal(torch.zeros_like(mu), torch.ones_like(mu))).sum(1).mean()"
)
_MEAN = "F.binary_cross_entropy_with_logits(out, x) + kl"


def _script(loss: str = _MEAN, kl: str = _BY_HAND) -> str:
    return _VAE.replace("LOSS", loss).replace("KL", kl)


FIRES = {
    "a mean beside a sum": _script(),
    "of torch.distributions": _script(kl=_BY_LIBRARY),
    "squares": _script("F.mse_loss(torch.sigmoid(out), x) + kl"),
}

SILENT = {
    "both are sums": _script('F.binary_cross_entropy_with_logits(out, x, reduction="sum") / len(x) + kl'),
    "both are means": _script("F.binary_cross_entropy_with_logits(out, x) + kl / 32"),
    "of torch.distributions, both are means": _script(
        "F.binary_cross_entropy_with_logits(out, x) + kl / 32", _BY_LIBRARY
    ),
    "the divergence is warmed up": _script(
        "F.binary_cross_entropy_with_logits(out, x) + kl * min(1, epoch / 40) / 32"
    ),
}
