"""L19 rows weighed by the batch's mean: scripts that must fire and that must not."""

_LOSS = """
def focal(out, target):
    ce = F.cross_entropy(out, target, reduction="HOW")
    return ((1 - torch.exp(-ce)) ** 2 * ce).mean()


train(net(3), focal, three)
"""
FIRES = {"the mean": _LOSS.replace("HOW", "mean")}

SILENT = {
    "row by row": _LOSS.replace("HOW", "none"),
    "weights that are learnt": """
scale = nn.Parameter(torch.zeros(()))
model = net(3)
optimizer = torch.optim.Adam([*model.parameters(), scale], lr=0.01)
for epoch in range(3):
    for x, y in batches(three):
        optimizer.zero_grad()
        (torch.exp(-scale) * F.cross_entropy(model(x), y) + scale).backward()
        optimizer.step()
""",
}
