"""D14 random evaluation rows: scripts that must fire and that must not."""

_LOOP = """
class Noisy(torch.utils.data.Dataset):
    def __init__(self, rows, labels, noise):
        self.rows, self.labels, self.noise = rows, labels, noise

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, i):
        return self.rows[i] + self.noise * torch.randn(8), self.labels[i]


rows = DataLoader(Noisy(X[:192], three[:192], 0.1), batch_size=32, shuffle=True)
held = DataLoader(Noisy(X[192:], three[192:], NOISE), batch_size=32, shuffle=SHUFFLE)
model = net(3)
optimizer = torch.optim.Adam(model.parameters())
for epoch in range(3):
    for x, t in rows:
        optimizer.zero_grad()
        F.cross_entropy(model(x), t).backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        hits = sum((model(x).argmax(1) == t).sum().item() for x, t in held)
    model.train()
"""

FIRES = {"the training noise is in the held-out rows": _LOOP.replace("NOISE", "0.1").replace("SHUFFLE", "False")}

SILENT = {
    "held-out rows as they are": _LOOP.replace("NOISE", "0.0").replace("SHUFFLE", "False"),
    "held-out rows in another order": _LOOP.replace("NOISE", "0.0").replace("SHUFFLE", "True"),
}
