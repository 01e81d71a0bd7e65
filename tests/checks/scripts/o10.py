"""O10 gradients are clipped to nothing: scripts that must fire and that must not."""

_LOOP = """
model = net(3)
optimizer = torch.optim.MAKE
for epoch in range(6):
    for x, t in batches(three):
        optimizer.zero_grad()
        F.cross_entropy(model(x), t).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), BOUND)
        optimizer.step()
"""


def _script(make: str, bound: str) -> str:
    return _LOOP.replace("MAKE", make).replace("BOUND", bound)


FIRES = {"a bound of a thousandth": _script("SGD(model.parameters(), lr=0.05)", "0.001")}

SILENT = {
    "a bound of one": _script("SGD(model.parameters(), lr=0.1)", "1.0"),
    "Adam heeds no factor": _script("Adam(model.parameters(), lr=0.01)", "0.001"),
    "only the norm is asked for": _script("SGD(model.parameters(), lr=0.1)", "float('inf')"),
}
