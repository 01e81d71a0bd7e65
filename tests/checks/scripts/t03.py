"""T03 no gradient reaches the optimizer: scripts that must fire and that must not."""

_LOOP = """
model = net(3)
optimizer = torch.optim.Adam(model.parameters())
for epoch in range(3):
    for x, t in batches(three):
        optimizer.zero_grad()
        LOSS
        loss.backward()
        optimizer.step()
"""

FIRES = {
    "a new tensor is made of the loss's number": _LOOP.replace(
        "LOSS", "loss = torch.tensor(F.cross_entropy(model(x), t).item(), requires_grad=True)"
    ),
    "the output is detached and told to need a gradient": _LOOP.replace(
        "LOSS", "out = model(x).detach().requires_grad_()\n        loss = F.cross_entropy(out, t)"
    ),
    "backward is never called": """
model = net(3)
optimizer = torch.optim.Adam(model.parameters())
for epoch in range(3):
    for x, t in batches(three):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), t)
        optimizer.step()
""",
    "a step function flattens everything": _LOOP.replace(
        "LOSS", "loss = F.mse_loss(torch.sign(model(x)), F.one_hot(t, 3).float())"
    ),
}

SILENT = {
    "the usual loop": "train(net(3), F.cross_entropy, three)",
    "two optimizers take turns": """
a, b = net(3), net(3)
first, second = torch.optim.Adam(a.parameters()), torch.optim.Adam(b.parameters())
for step, (x, t) in enumerate(batches(three)):
    model, optimizer = (a, first) if step % 2 else (b, second)
    optimizer.zero_grad()
    F.cross_entropy(model(x), t).backward()
    optimizer.step()
""",
    "a hinge loss that is already nought": """
model = net(1)
train(model, lambda out, t: F.relu(1e-3 - (2.0 * t - 1) * out[:, 0]).mean(), two, epochs=12, lr=0.05)
""",
    "a frozen trunk": """
trunk, head = nn.Linear(8, 32), nn.Linear(32, 3)
for p in trunk.parameters():
    p.requires_grad_(False)
train(nn.Sequential(trunk, nn.ReLU(), head), F.cross_entropy, three)
""",
}

ALSO = {"a step function flattens everything": {"M26"}}
