"""T07 never in training mode: scripts that must fire and that must not."""

_NET = "model = nn.Sequential(nn.Linear(8, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Dropout(0.2), nn.Linear(32, 3))\n"
_LOOP = """
optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad])
for epoch in range(2):
    for x, t in batches(three):
        optimizer.zero_grad()
        F.cross_entropy(model(x), t).backward()
        optimizer.step()
"""

FIRES = {
    "eval() before all training": _NET + "model.eval()\n" + _LOOP,
    "a loader of models hands it out in eval mode": """
def load():
    model = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Dropout(0.2), nn.Linear(32, 3))
    return model.eval()


model = load()
"""
    + _LOOP,
}

SILENT = {
    "training mode is the default": _NET + _LOOP,
    "no layer cares": "model = net(3).eval()\n" + _LOOP,
    "batch normalisation is frozen by hand": _NET
    + """
for layer in model:
    if isinstance(layer, nn.BatchNorm1d):
        layer.eval()
"""
    + _LOOP,
    "inputs are learned against a finished model": _NET
    + """
model.eval()
for p in model.parameters():
    p.requires_grad_(False)
shift = torch.zeros(8, requires_grad=True)
optimizer = torch.optim.Adam([shift], lr=0.01)
for step in range(20):
    optimizer.zero_grad()
    F.cross_entropy(model(X + shift), three).backward()
    optimizer.step()
""",
}
