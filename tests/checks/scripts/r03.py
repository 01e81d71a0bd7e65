"""R03 the seed is set again in the loop: scripts that must fire and that must not."""

_LOOP = """
model = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Dropout(0.2), nn.Linear(32, 3))
optimizer = torch.optim.Adam(model.parameters())
for epoch in range(4):
    SEED
    for x, t in batches(three):
        optimizer.zero_grad()
        F.cross_entropy(model(x), t).backward()
        optimizer.step()
"""

FIRES = {
    "every epoch": _LOOP.replace("SEED", "torch.manual_seed(42)"),
    "the noise of a step": """
model = net(8)
optimizer = torch.optim.Adam(model.parameters())


def step(x):
    torch.manual_seed(0)
    noise = torch.randn_like(x)
    loss = F.mse_loss(model(x + noise), x)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


for k in range(40):
    step(X[k : k + 32])
""",
}

SILENT = {
    "once": _LOOP.replace("SEED", "pass"),
    "another seed each epoch": _LOOP.replace("SEED", "torch.manual_seed(epoch)"),
    "a seed for each model": """
for fold in range(4):
    torch.manual_seed(7)
    train(net(3), F.cross_entropy, three, epochs=1)
""",
}
