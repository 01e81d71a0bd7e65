"""M12 a bias in front of batch normalisation: scripts that must fire and that must not."""

FIRES = {
    "convolution with bias": """
model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(144, 3))
train(model, F.cross_entropy, three, X=torch.randn(256, 1, 8, 8))
""",
}
SILENT = {
    "without bias": """
model = nn.Sequential(nn.Conv2d(1, 4, 3, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(144, 3))
train(model, F.cross_entropy, three, X=torch.randn(256, 1, 8, 8))
""",
    "an activation between": """
model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.BatchNorm1d(16), nn.Linear(16, 3))
train(model, F.cross_entropy, three)
""",
}
