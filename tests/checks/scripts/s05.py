"""S05 the graphs of past losses stay alive: scripts that must fire and that must not."""

_LOOP = """
model = net(3)
optimizer = torch.optim.Adam(model.parameters())
TOP
for epoch in range(15):
    for x, t in batches(three):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), t)
        loss.backward()
        optimizer.step()
        KEEP
"""

FIRES = {
    "the loss itself is added up": _LOOP.replace("TOP", "total = 0").replace("KEEP", "total += loss"),
    "a list of losses": _LOOP.replace("TOP", "losses = []").replace("KEEP", "losses.append(loss)"),
}

SILENT = {
    "numbers are added up": _LOOP.replace("TOP", "total = 0.0").replace("KEEP", "total += loss.item()"),
    "detached losses": _LOOP.replace("TOP", "losses = []").replace("KEEP", "losses.append(loss.detach())"),
    "the last loss is kept": _LOOP.replace("TOP", "").replace("KEEP", "last = loss"),
}
