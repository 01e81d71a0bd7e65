"""E09 evaluation before the state is there: scripts that must fire and that must not."""

FIRES = {
    "batch normalisation in eval() that never saw a training batch": """
model = nn.Sequential(nn.Linear(8, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 3))
optimizer = torch.optim.Adam(model.parameters())
model.eval()
for x, t in list(batches(three)) * 3:
    optimizer.zero_grad()
    F.cross_entropy(model(x), t).backward()
    optimizer.step()
with torch.no_grad():
    for x, t in batches(three):
        model(x)
""",
}
ALSO = {
    "batch normalisation in eval() that never saw a training batch": {"T07"},
}
SILENT = {
    "trained first": """
model = nn.Sequential(nn.Linear(8, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 3))
train(model, F.cross_entropy, three)
model.eval()
with torch.no_grad():
    for x, t in batches(three):
        model(x)
""",
    "a look before training": """
model = nn.Sequential(nn.Linear(8, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 3))
model.eval()
with torch.no_grad():
    model(X)
train(model, F.cross_entropy, three)
""",
    "loaded weights": """
first = nn.Sequential(nn.Linear(8, 32), nn.BatchNorm1d(32), nn.Linear(32, 3))
train(first, F.cross_entropy, three)
model = nn.Sequential(nn.Linear(8, 32), nn.BatchNorm1d(32), nn.Linear(32, 3))
model.load_state_dict(first.state_dict())
model.eval()
with torch.no_grad():
    for x, t in batches(three):
        model(x)
""",
}
