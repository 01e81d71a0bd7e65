"""L14 softmax over the batch: scripts that must fire and that must not."""

_LOOP = """
model = net(3)
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for epoch in range(3):
    for x, t in batches(three):
        optimizer.zero_grad()
        loss = F.nll_loss(PROBABILITIES, t)
        loss.backward()
        optimizer.step()
"""

FIRES = {
    "log_softmax along axis 0": _LOOP.replace("PROBABILITIES", "F.log_softmax(model(x), dim=0)"),
    "the last layer": "train(net(3, nn.LogSoftmax(dim=0)), F.nll_loss, three)",
}

SILENT = {
    "along the classes": _LOOP.replace("PROBABILITIES", "F.log_softmax(model(x), dim=1)"),
    "both ways round in a contrastive loss": """
one, other = nn.Linear(8, 4), nn.Linear(8, 4)
optimizer = torch.optim.Adam([*one.parameters(), *other.parameters()])
for x, t in list(batches(three)) * 3:
    scores = F.normalize(one(x)) @ F.normalize(other(x + 0.1)).T * 5
    rows = torch.arange(len(x))
    loss = F.nll_loss(scores.log_softmax(1), rows) + F.nll_loss(scores.log_softmax(0).T, rows)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
""",
}
