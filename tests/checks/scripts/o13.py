"""O13 a rate where a factor is wanted: scripts that must fire and that must not."""

_LOOP = """
model = net(1)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: FACTOR)
for epoch in range(8):
    for x, y in batches(amount):
        optimizer.zero_grad()
        F.mse_loss(model(x).squeeze(1), y).backward()
        optimizer.step()
        scheduler.step()
"""
FIRES = {"the rate itself": _LOOP.replace("FACTOR", "1e-2 * (1 - step / 64)")}
ALSO = {"the rate itself": {"O03", "T05"}}

SILENT = {
    "a factor": _LOOP.replace("FACTOR", "1 - step / 64"),
    "a long warm-up": _LOOP.replace("FACTOR", "min(1, (step + 1) / 3000)"),
}
