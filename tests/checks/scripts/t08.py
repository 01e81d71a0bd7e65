"""T08 trains in evaluation mode after an evaluation: scripts that must fire and that must not."""

_NET = """
model = nn.Sequential(nn.Linear(8, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Dropout(0.2), nn.Linear(32, 3))
optimizer = torch.optim.Adam(model.parameters())


def evaluate(model):
    model.eval()
    with torch.no_grad():
        return (model(X).argmax(1) == three).float().mean().item()


def epoch(model):
    for x, t in batches(three):
        optimizer.zero_grad()
        F.cross_entropy(model(x), t).backward()
        optimizer.step()


"""

FIRES = {
    "train() before the loop over epochs": _NET
    + """
model.train()
for _ in range(3):
    epoch(model)
    evaluate(model)
""",
    "train() nowhere": _NET
    + """
for _ in range(3):
    epoch(model)
    evaluate(model)
""",
    "an evaluation in the midst of an epoch": _NET
    + """
model.train()
for step, (x, t) in enumerate(batches(three)):
    optimizer.zero_grad()
    F.cross_entropy(model(x), t).backward()
    optimizer.step()
    if step == 3:
        evaluate(model)
""",
    "train named and not called": _NET
    + """
for _ in range(3):
    model.train
    epoch(model)
    evaluate(model)
""",
}

SILENT = {
    "train() in every epoch": _NET
    + """
for _ in range(3):
    model.train()
    epoch(model)
    evaluate(model)
""",
    "one evaluation at the end": _NET + "epoch(model)\nevaluate(model)\n",
    "batch normalisation frozen for the second half": _NET
    + """
model.train()
epoch(model)
for layer in model:
    if isinstance(layer, nn.BatchNorm1d):
        layer.eval()
epoch(model)
""",
    "a net without such layers": """
model = net(3)
optimizer = torch.optim.Adam(model.parameters())
for _ in range(3):
    for x, t in batches(three):
        optimizer.zero_grad()
        F.cross_entropy(model(x), t).backward()
        optimizer.step()
    model.eval()
""",
    "saliency of a finished model": _NET
    + """
model.train()
epoch(model)
model.eval()
for x, t in batches(three):
    x.requires_grad_()
    F.cross_entropy(model(x), t).backward()
    importance = x.grad.abs().mean(0)
""",
}
