"""T18 a derivative without a graph in the loss: scripts that must fire and that must not."""

_PENALTY = """
critic = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 1))
optimizer = torch.optim.Adam(critic.parameters(), lr=1e-3)


def penalty(x):
    x = x.clone().requires_grad_(True)
    slope = torch.autograd.grad(critic(x).sum(), xHOW)[0]
    return (slope.view(len(x), -1).norm(2, dim=1) - 1).pow(2).mean()


for it in range(40):
    x = X[torch.randperm(256)[:32]]
    loss = critic(x).mean() - critic(x + 1).mean()
    loss = loss + 10 * penalty(x)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
"""
FIRES = {"a penalty": _PENALTY.replace("HOW", "")}

SILENT = {
    "with a graph": _PENALTY.replace("HOW", ", create_graph=True"),
    "an attack": """
model = net(2)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for epoch in range(3):
    for x, y in batches(two):
        x.requires_grad_(True)
        slope = torch.autograd.grad(F.cross_entropy(model(x), y), x)[0]
        near = x + 0.1 * slope / slope.norm(dim=1, keepdim=True)
        optimizer.zero_grad()
        F.cross_entropy(model(near.detach()), y).backward()
        optimizer.step()
""",
}
