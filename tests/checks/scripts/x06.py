"""X06 a layer gets another number of axes: scripts that end with the crash, and their twins."""

FIRES = {
    "rows into a convolution": "train(nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten()), F.cross_entropy, three)",
    "image normalisation of a table": """
train(nn.Sequential(nn.BatchNorm2d(8), nn.Linear(8, 3)), F.cross_entropy, three)
""",
    "an image smaller than the kernel": """
train(nn.Sequential(nn.Conv2d(1, 4, 9), nn.Flatten(), nn.Linear(4, 3)), F.cross_entropy, three,
      X=torch.randn(256, 1, 8, 8))
""",
    "pooled away": """
model = nn.Sequential(nn.MaxPool2d(4), nn.MaxPool2d(4), nn.Flatten(), nn.Linear(1, 3))
train(model, F.cross_entropy, three, X=torch.randn(256, 1, 8, 8))
""",
}

SILENT = {
    "an image that is large enough": """
train(nn.Sequential(nn.Conv2d(1, 3, 8), nn.Flatten()), F.cross_entropy, three, X=torch.randn(256, 1, 8, 8))
""",
}
