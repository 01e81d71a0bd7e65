"""L22 the generator is told to look fake: scripts that must fire and that must not."""

_GAN = """
G = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 2))
D = nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 1))
of_g, of_d = (torch.optim.Adam(m.parameters(), lr=1e-3) for m in (G, D))
bce, real, generated = nn.BCEWithLogitsLoss(), torch.ones(64, 1), torch.zeros(64, 1)
for it in range(60):
    fake = G(torch.randn(64, 4))
    of_d.zero_grad()
    loss = bce(D(torch.randn(64, 2) + 2), real) + bce(D(fake.detach()), generated)
    loss.backward()
    of_d.step()
    of_g.zero_grad()
    loss = LOSS
    loss.backward()
    of_g.step()
"""
FIRES = {"the label of fakes": _GAN.replace("LOSS", "bce(D(fake), generated)")}

SILENT = {
    "the label of real data": _GAN.replace("LOSS", "bce(D(fake), real)"),
    "the game as it was first written": _GAN.replace("LOSS", "-bce(D(fake), generated)"),
}
