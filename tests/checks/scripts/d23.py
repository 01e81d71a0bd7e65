"""D23 images divided by 255 twice: scripts that must fire and that must not."""

_TRAIN = """
pictures = torch.randint(0, 256, (256, 1, 8, 8)).float() / 255
model = nn.Sequential(FIRST nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 3))
train(model, F.cross_entropy, three, X=pictures / SCALE)
"""

FIRES = {"divided again": _TRAIN.replace("SCALE", "255").replace("FIRST ", "")}

SILENT = {
    "divided once": _TRAIN.replace("SCALE", "1").replace("FIRST ", ""),
    "normalised by the model": _TRAIN.replace("SCALE", "255").replace("FIRST", "nn.BatchNorm2d(1),"),
    "rare pixels are bright": """
pictures = (torch.rand(256, 1, 8, 8) > 0.98).float()
model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 3))
train(model, F.cross_entropy, three, X=pictures)
""",
}
