"""T21 the generator follows both losses: scripts that must fire and that must not."""

_GAN = """
G = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 2))
D = nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 1))
of_g, of_d = (torch.optim.Adam(m.parameters(), lr=1e-3) for m in (G, D))
bce, real, generated = nn.BCEWithLogitsLoss(), torch.ones(64, 1), torch.zeros(64, 1)
for it in range(60):
    of_g.zero_grad()
    of_d.zero_grad()
    fake = G(torch.randn(64, 4))
    loss = bce(D(torch.randn(64, 2) + 2), real) + bce(D(JUDGED), generated)
    loss.backward(retain_graph=True)
    of_d.step()
    BETWEEN
    loss = bce(D(fake), real)
    loss.backward()
    of_g.step()
"""


def _script(judged: str = "fake", between: str = "pass") -> str:
    return _GAN.replace("JUDGED", judged).replace("BETWEEN", between)


FIRES = {
    "not detached": _script(),
    "only the discriminator is cleared": _script(between="of_d.zero_grad()"),
    "a new batch for the generator": _script(between="fake = G(torch.randn(64, 4))"),
}

SILENT = {
    "detached": _script("fake.detach()"),
    "cleared before the generator's pass": _script(between="of_g.zero_grad()"),
    "two tasks on one body": """
body, one, other = nn.Linear(8, 8), nn.Linear(8, 1), nn.Linear(8, 1)
first = torch.optim.Adam(one.parameters())
second = torch.optim.Adam([*body.parameters(), *other.parameters()])
bce = nn.BCEWithLogitsLoss()
for x, t in list(batches(three)) * 4:
    first.zero_grad()
    second.zero_grad()
    h = body(x)
    bce(one(h)[:, 0], (t == 0).float()).backward(retain_graph=True)
    first.step()
    bce(other(h)[:, 0], (t == 1).float()).backward()
    second.step()
""",
}
