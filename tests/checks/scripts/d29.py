"""D29 two permutations for one pairing: scripts that must fire and that must not."""

_SET = """
SHUFFLE
train(net(2), F.cross_entropy, two, X=X)
"""
_MIXUP = """
def mix(x, y, lam=0.8):
    ORDER
    return lam * x + (1 - lam) * x[p], y, y[q], lam


model = net(3)
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for epoch in range(3):
    for x, y in batches(three):
        x, y, other, lam = mix(x, y)
        out = model(x)
        loss = lam * F.cross_entropy(out, y) + (1 - lam) * F.cross_entropy(out, other)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
"""
FIRES = {
    "a set shuffled apart": """
X = X[torch.randperm(256)]
two = two[torch.randperm(256)]
for x, y in DataLoader(TensorDataset(X, two), batch_size=32):
    pass
train(net(2), F.cross_entropy, two, X=X)
""",
    "a mixup": _MIXUP.replace("ORDER", "p, q = torch.randperm(len(x)), torch.randperm(len(x))").replace(
        "p, q = torch.randperm(len(x)), torch.randperm(len(x))",
        "p = torch.randperm(len(x))\n    q = torch.randperm(len(x))",
    ),
}

SILENT = {
    "one permutation": """
order = torch.randperm(256)
X, two = X[order], two[order]
loader = DataLoader(TensorDataset(X, two), batch_size=32)
train(net(2), F.cross_entropy, two, X=X)
""",
    "a mixup": _MIXUP.replace("ORDER", "p = q = torch.randperm(len(x))").replace("y[q]", "y[p]"),
}
