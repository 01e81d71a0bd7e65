"""E03 argmax over one entry: scripts that must fire and that must not."""

_BINARY = """
model = train(net(1), lambda out, t: F.binary_cross_entropy_with_logits(out[:, 0], t.float()), two)
model.eval()
"""

FIRES = {
    "max over the only output": _BINARY
    + """
with torch.no_grad():
    for x, t in batches(two):
        _, predicted = torch.max(model(x), 1)
        hits = (predicted == t).sum()
""",
    "max over .data": _BINARY
    + """
for x, t in batches(two):
    out = model(x)
    _, predicted = torch.max(out.data, 1)
    hits = (predicted == t).sum()
""",
    "argmax method": _BINARY
    + """
with torch.no_grad():
    for x, t in batches(two):
        hits = (model(x).argmax(dim=-1) == t).sum()
""",
    "argmax of the sigmoid": _BINARY
    + """
with torch.no_grad():
    for x, t in batches(two):
        hits = (torch.sigmoid(model(x)).argmax(dim=1) == t).sum()
""",
}

SILENT = {
    "threshold": _BINARY
    + """
with torch.no_grad():
    for x, t in batches(two):
        hits = ((model(x)[:, 0] > 0) == t.bool()).sum()
""",
    "argmax over three": """
model = train(net(3), F.cross_entropy, three)
with torch.no_grad():
    for x, t in batches(three):
        hits = (model(x).argmax(1) == t).sum()
""",
    "the best of a varying number of candidates": """
model = train(net(3), F.cross_entropy, three)
with torch.no_grad():
    for number in (5, 1, 3, 1, 1, 2):
        best = model(X[:number])[:, 0].argmax(0)
""",
    "the largest pixel of one row": """
model = train(net(1), lambda out, t: F.mse_loss(out[:, 0], t), amount)
with torch.no_grad():
    top = model(X).max(0)
    widest = X[:, :1].max(1)
""",
}
