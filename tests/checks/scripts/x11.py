"""X11 tensors on two devices: scripts that end with the crash, and their twins."""

FIRES = {
    "the model was not moved": """
train(nn.Sequential(nn.Linear(8, 3)), F.cross_entropy, three, X=X.to("meta"))
""",
}

SILENT = {"one device": "train(net(3), F.cross_entropy, three)"}
