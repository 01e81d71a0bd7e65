"""E05 a running sum that is never reset, or the last batch for the epoch: scripts that must fire and not."""

_LOOP = """
model = net(3)
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
BEFORE
for epoch in range(5):
    START
    for x, t in batches(three):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), t)
        loss.backward()
        optimizer.step()
        STEP
    END
"""


def _loop(before="pass", start="pass", step="pass", end="pass"):
    return _LOOP.replace("BEFORE", before).replace("START", start).replace("STEP", step).replace("END", end)


FIRES = {
    "the last batch's loss is printed for the epoch": _loop(end="print(f'epoch {epoch}: loss {loss.item():.4f}')"),
    "the sum is never reset": _loop(
        "running = 0.0", step="running += loss.item()", end="print(f'epoch {epoch}: loss {running / 8:.4f}')"
    ),
}

SILENT = {
    "a mean over the epoch": _loop(
        start="running = 0.0", step="running += loss.item()", end="print(f'epoch {epoch}: loss {running / 8:.4f}')"
    ),
    "each batch is printed": _loop(step="print(f'loss {loss.item():.4f}')"),
    "one batch is the epoch": """
model = net(3)
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for epoch in range(20):
    optimizer.zero_grad()
    loss = F.cross_entropy(model(X), three)
    loss.backward()
    optimizer.step()
    if epoch % 5 == 0:
        print(f"epoch {epoch}: loss {loss.item():.4f}")
""",
}
