"""L21 each row is among its own rivals: scripts that must fire and that must not."""

_PAIRS = """
encoder = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 8))
optimizer = torch.optim.Adam(encoder.parameters(), lr=1e-3)
for it in range(60):
    x = X[torch.randperm(256)[:32]]
    a, b = (F.normalize(encoder(x + 0.1 * torch.randn_like(x)), dim=1) for _ in range(2))
    LOSS
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
"""
_ALL = """z = torch.cat([a, b])
    scores = z @ z.T / 0.2
    scores = CHANGE
    loss = F.cross_entropy(scores, torch.arange(64).roll(32))"""


def _script(loss: str) -> str:
    return _PAIRS.replace("LOSS", loss)


FIRES = {"the diagonal stays": _script(_ALL.replace("    scores = CHANGE\n", ""))}

SILENT = {
    "the diagonal is masked": _script(_ALL.replace("CHANGE", "scores - 1e9 * torch.eye(64)")),
    "two views against each other": _script("loss = F.cross_entropy(a @ b.T / 0.2, torch.arange(32))"),
}
