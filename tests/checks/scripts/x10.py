"""X10 changed in place before backward: scripts that end with the crash, and their twins."""

_TWO = """
model = net(1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for x, t in batches(amount):
    first, second = model(x).mean(), model(x).pow(2).mean()
    optimizer.zero_grad()
    LINES
"""

FIRES = {
    "a step between two backward passes": _TWO.replace(
        "LINES", "first.backward(retain_graph=True)\n    optimizer.step()\n    second.backward()"
    ),
    "an in-place sum after sigmoid": """
def loss_of(out, t):
    chance = torch.sigmoid(out)
    chance += 1e-6
    return (chance[:, 0] - t).pow(2).mean()


train(net(1), loss_of, two)
""",
    "a parameter written in place": """
W = torch.zeros(8, 3, requires_grad=True)
F.cross_entropy(X @ W, three).backward()
W -= 0.1 * W.grad
""",
}

SILENT = {
    "both backward passes before the step": _TWO.replace(
        "LINES", "first.backward()\n    second.backward()\n    optimizer.step()"
    )
}
