"""X14 batch normalisation of one row: scripts that end with the crash, and their twins."""

_LOOP = """
model = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 3))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for x, t in DataLoader(TensorDataset(X[:65], three[:65]), batch_size=32, drop_last=DROP):
    optimizer.zero_grad()
    F.cross_entropy(model(x), t).backward()
    optimizer.step()
"""

FIRES = {"the last batch holds one row": _LOOP.replace("DROP", "False")}
SILENT = {"the last batch is dropped": _LOOP.replace("DROP", "True")}
