"""L18 the bootstrapped target carries a gradient: scripts that must fire and that must not."""

_VALUE = """
value = nn.Sequential(nn.Linear(3, 32), nn.ReLU(), nn.Linear(32, 1))
other = nn.Sequential(nn.Linear(3, 32), nn.ReLU(), nn.Linear(32, 1))
optimizer = torch.optim.Adam(value.parameters(), lr=1e-3)
for it in range(60):
    s = torch.randn(64, 3)
    s2 = 0.9 * s + 0.1 * torch.randn(64, 3)
    LOSS
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
"""


def _script(loss: str) -> str:
    return _VALUE.replace("LOSS", loss)


FIRES = {
    "mse_loss": _script("loss = F.mse_loss(value(s), s[:, :1] + 0.9 * value(s2))"),
    "by hand": _script("loss = (s[:, :1] + 0.9 * value(s2) - value(s)).pow(2).mean()"),
}

SILENT = {
    "detached": _script("loss = F.mse_loss(value(s), s[:, :1] + 0.9 * value(s2).detach())"),
    "of another net": _script("loss = F.mse_loss(value(s), s[:, :1] + 0.9 * other(s2))"),
    "two views that shall agree": _script("loss = F.mse_loss(value(s), value(s2)) + (value(s) - 1).pow(2).mean()"),
}
