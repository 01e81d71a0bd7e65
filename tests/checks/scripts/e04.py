"""E04 comparison that broadcasts: scripts that must fire and that must not."""

_BINARY = """
model = train(net(1), lambda out, t: F.binary_cross_entropy_with_logits(out[:, 0], t.float()), two)
model.eval()
"""

FIRES = {
    "(B,) against (B, 1)": _BINARY
    + """
with torch.no_grad():
    for x, t in batches(two):
        hits = ((model(x)[:, 0] > 0).long() == t[:, None]).sum().item()
""",
    "rounded (B, 1) against (B,)": _BINARY
    + """
with torch.no_grad():
    for x, t in batches(two):
        share = (torch.sigmoid(model(x)).round() == t).float().mean().item()
""",
    "eq as a method": _BINARY
    + """
with torch.no_grad():
    for x, t in batches(two):
        share = (model(x) > 0).long().eq(t).sum().item()
""",
    "accuracy of the training batches": """
model = net(1)
optimizer = torch.optim.Adam(model.parameters())
for x, t in batches(two):
    logits = model(x)
    optimizer.zero_grad()
    F.binary_cross_entropy_with_logits(logits[:, 0], t.float()).backward()
    optimizer.step()
    share = ((logits > 0) == t).float().mean()
""",
}

SILENT = {
    "equal shapes": _BINARY
    + """
with torch.no_grad():
    for x, t in batches(two):
        hits = ((model(x)[:, 0] > 0) == t.bool()).sum()
""",
    "which rows share a label": """
def contrast(out, t):
    z = F.normalize(out, dim=1)
    same = t[:, None] == t[None, :]
    return -(torch.log_softmax(z @ z.T, 1) * same).sum() / same.sum()


train(net(4), contrast, two)
""",
    "top-k accuracy": """
model = train(net(3), F.cross_entropy, three)
with torch.no_grad():
    for x, t in batches(three):
        top = model(x).topk(2, 1).indices
        hits = (top == t[:, None]).any(1).sum()
        more = top.t().eq(t.view(1, -1).expand_as(top.t())).sum()
""",
    "one-hot by comparison": """
train(net(3), lambda out, t: F.cross_entropy(out, (t[:, None] == torch.arange(3)).float()), three)
""",
    "tokens against the padding": """
train(net(3), lambda out, t: (F.cross_entropy(out, t, reduction="none") * (t != -1)).mean(), three)
""",
    "nearest neighbours' labels": """
train(net(3), F.cross_entropy, three)
near = torch.cdist(X, X).topk(1, largest=False).indices
agree = (three[near[:, 0]] == three).float().mean()
same = (three[near] == three[:, None]).float().mean()
""",
}
