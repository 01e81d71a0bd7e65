"""L15 a loss setting that torch warned of: scripts that must fire and that must not."""

_LOOP = """
goal = X @ torch.randn(8, 3)
model = net(3)
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for epoch in range(3):
    for x, t in batches(goal.softmax(1)):
        optimizer.zero_grad()
        loss = F.kl_div(F.log_softmax(model(x), dim=1), tHOW)
        loss.backward()
        optimizer.step()
"""

FIRES = {
    "kl_div by all entries": _LOOP.replace("HOW", ""),
    "softmax chooses its axis": """
model = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 3), nn.LogSoftmax())
train(model, F.nll_loss, three)
""",
}

SILENT = {
    "kl_div by rows": _LOOP.replace("HOW", ', reduction="batchmean"'),
    "an axis is given": "train(net(3, nn.LogSoftmax(dim=1)), F.nll_loss, three)",
}
