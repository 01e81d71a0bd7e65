"""D26 a loader without batches: scripts that must fire and that must not."""

_LOOP = """
rows = DataLoader(TensorDataset(X, three), batch_size=SIZE, shuffle=True, drop_last=True)
model = net(3)
optimizer = torch.optim.Adam(model.parameters())
for epoch in range(3):
    for x, t in rows:
        optimizer.zero_grad()
        F.cross_entropy(model(x), t).backward()
        optimizer.step()
"""

FIRES = {"fewer rows than a batch": _LOOP.replace("SIZE", "512")}
SILENT = {"eight batches": _LOOP.replace("SIZE", "32"), "one batch": _LOOP.replace("SIZE", "256")}
