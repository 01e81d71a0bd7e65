"""L26 similarities too flat: scripts that must fire and that must not."""

_PAIRS = """
model = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 8))
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
TAU = 0.1
for epoch in range(6):
    for x in X.split(32):
        one, two = (F.normalize(model(x + 0.1 * torch.randn_like(x)), dim=1) for _ in range(2))
        loss = LOSS
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
"""
_BOTH = """
def both(z, tau):
    sim = z @ z.T * tau
    sim.fill_diagonal_(float("-inf"))
    return F.cross_entropy(sim, torch.arange(64).roll(32))

"""


def _script(loss: str, before: str = "") -> str:
    return before + _PAIRS.replace("LOSS", loss)


FIRES = {
    "multiplied": _script("F.cross_entropy(one @ two.T * TAU, torch.arange(32))"),
    "divided by its reciprocal": _script("F.cross_entropy(one @ two.T / 10, torch.arange(32))"),
    "without the diagonal": _script("both(torch.cat([one, two]), TAU)", _BOTH),
}

SILENT = {
    "divided": _script("F.cross_entropy(one @ two.T / TAU, torch.arange(32))"),
    "without the diagonal, divided": _script("both(torch.cat([one, two]), 1 / TAU)", _BOTH),
    "no temperature": _script("F.cross_entropy(one @ two.T, torch.arange(32))"),
    "rows of any length": _script("F.cross_entropy(model(x) @ model(x).T * TAU, torch.arange(32))"),
    "attention": """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.q, self.k, self.head = nn.Linear(8, 8), nn.Linear(8, 8), nn.Linear(8, 3)

    def forward(self, x):
        a = F.normalize(self.q(x), dim=1) @ F.normalize(self.k(X), dim=1).T * 0.1
        return self.head(F.softmax(a, dim=1) @ X + x)


train(Net(), F.cross_entropy, three)
""",
}
