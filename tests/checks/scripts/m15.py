"""M15 batch normalisation of a handful of values: scripts that must fire and that must not."""

_LOOP = """
model = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 3))
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
for x, t in DataLoader(TensorDataset(X, three), batch_size=SIZE, shuffle=True):
    optimizer.zero_grad()
    F.cross_entropy(model(x), t).backward()
    optimizer.step()
"""
FIRES = {"two rows a batch": _LOOP.replace("SIZE", "2")}
SILENT = {
    "32 rows a batch": _LOOP.replace("SIZE", "32"),
    "two images, many pixels": """
model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(144, 3))
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
for x, t in DataLoader(TensorDataset(torch.randn(64, 1, 8, 8), three[:64]), batch_size=2):
    optimizer.zero_grad()
    F.cross_entropy(model(x), t).backward()
    optimizer.step()
""",
}
