"""M14 dropout out of place: scripts that must fire and that must not."""

FIRES = {
    "nine of ten are dropped": """
train(nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Dropout(0.9), nn.Linear(32, 3)), F.cross_entropy, three)
""",
    "the logits are dropped": "train(net(3, nn.Dropout(0.5)), F.cross_entropy, three)",
}
SILENT = {
    "half of a hidden layer": """
train(nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Dropout(0.5), nn.Linear(32, 3)), F.cross_entropy, three)
""",
}
