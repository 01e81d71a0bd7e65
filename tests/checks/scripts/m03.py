"""M03 a dead layer: scripts that must fire and that must not."""

FIRES = {
    "pushed below zero by the initial bias": """
model = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 3))
nn.init.constant_(model[0].bias, -30.0)
train(model, F.cross_entropy, three, epochs=10)
""",
    "it dies in the midst of training": """
model = net(3)
train(model, F.cross_entropy, three, epochs=1)
with torch.no_grad():
    model[0].bias -= 50
train(model, F.cross_entropy, three, epochs=2)
""",
}
SILENT = {
    "a usual net": "train(net(3), F.cross_entropy, three, epochs=10)",
    "half of the units sleep": """
model = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 3))
with torch.no_grad():
    model[0].bias[:32] = -30.0
train(model, F.cross_entropy, three, epochs=10)
""",
}
