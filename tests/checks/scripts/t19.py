"""T19 an attack's gradients in the step: scripts that must fire and that must not."""

_ATTACK = """
model = net(2)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)


def attack(x, y):
    x = x.clone().requires_grad_(True)
    F.cross_entropy(model(x), y).backward()
    return (x + 0.1 * x.grad.sign()).detach()


for epoch in range(4):
    for x, y in batches(two):
        optimizer.zero_grad()
        near = attack(x, y)
        AGAIN
        loss = F.cross_entropy(model(near), y)
        loss.backward()
        optimizer.step()
"""
FIRES = {"cleared before the attack": _ATTACK.replace("        AGAIN\n", "")}

SILENT = {
    "cleared after it": _ATTACK.replace("AGAIN", "optimizer.zero_grad()"),
    "two losses of one step": """
model = net(2)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for epoch in range(4):
    for x, y in batches(two):
        optimizer.zero_grad()
        x.requires_grad_(True)
        F.cross_entropy(model(x), y).backward()
        F.cross_entropy(model((x + 0.1 * x.grad.sign()).detach()), y).backward()
        optimizer.step()
""",
}
