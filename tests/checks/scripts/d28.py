"""D28 held-out windows overlap training windows: scripts that must fire and that must not."""

_SERIES = """
series = torch.sin(torch.arange(500.0) / 9) + 0.1 * torch.randn(500)
rows = series.unfold(0, 13, 1)
order = ORDER
fit, held = order[:380], order[400:]
inputs, target = rows[:, :12], rows[:, 12:]
model = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 1))
for _ in range(2):
    train(model, F.mse_loss, target[fit], X=inputs[fit], epochs=3)
    model.eval()
    with torch.no_grad():
        F.mse_loss(model(inputs[held]), target[held])
"""
FIRES = {"split at random": _SERIES.replace("ORDER", "torch.randperm(len(rows))")}

SILENT = {"split in time": _SERIES.replace("ORDER", "torch.arange(len(rows))")}
ALSO = {"split at random": {"O11"}, "split in time": {"O11"}}
