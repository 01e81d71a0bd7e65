"""E02 evaluation that builds a graph: scripts that must fire and that must not."""

_LOOP = """
model = train(net(3), F.cross_entropy, three)
model.eval()
held = DataLoader(TensorDataset(torch.randn(128, 8), torch.randint(0, 3, (128,))), batch_size=16)
"""

FIRES = {
    "no no_grad": _LOOP + "hits = sum((model(x).argmax(1) == t).sum().item() for x, t in held)",
    ".data instead of no_grad": _LOOP
    + """
hits = 0
for x, t in held:
    hits += (model(x).data.argmax(1) == t).sum().item()
""",
}

SILENT = {
    "no_grad": _LOOP
    + """
with torch.no_grad():
    hits = sum((model(x).argmax(1) == t).sum().item() for x, t in held)
""",
    "saliency": _LOOP
    + """
for x, t in held:
    x.requires_grad_()
    model(x).sum().backward()
    saliency = x.grad.abs()
""",
    "adversarial rows by autograd.grad": _LOOP
    + """
for x, t in held:
    x.requires_grad_()
    (slope,) = torch.autograd.grad(F.cross_entropy(model(x), t), x)
""",
}
