"""O12 the plateau is watched for in the wrong direction: scripts that must fire and that must not."""

_LOOP = """
model = net(1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.02)
scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, mode="MODE", factor=0.5, patience=1)
for epoch in range(12):
    for x, y in batches(amount):
        optimizer.zero_grad()
        F.mse_loss(model(x).squeeze(1), y).backward()
        optimizer.step()
    with torch.no_grad():
        val_loss = F.mse_loss(model(X).squeeze(1), amount).item()
    scheduler.step(GIVEN)
"""
FIRES = {"a loss, the highest": _LOOP.replace("MODE", "max").replace("GIVEN", "val_loss")}

SILENT = {
    "a loss, the lowest": _LOOP.replace("MODE", "min").replace("GIVEN", "val_loss"),
    "minus a loss, the highest": _LOOP.replace("MODE", "max").replace("GIVEN", "-val_loss"),
}
ALSO = {name: {"D07"} for name in (*FIRES, *SILENT)}
