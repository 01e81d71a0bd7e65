"""X13 something else than a tensor: scripts that end with the crash, and their twins."""

FIRES = {
    "the pair that an LSTM returns": """
train(nn.Sequential(nn.LSTM(8, 16), nn.Linear(16, 3)), F.cross_entropy, three)
""",
    "a dictionary into the loss": "train(net(3), lambda out, t: F.cross_entropy({'logits': out}, t), three)",
    "a numpy array": "net(3)(X.numpy())",
    "the loss class called with the batch": "train(net(3), nn.CrossEntropyLoss, three)",
}

SILENT = {"the first of the pair": "train(nn.Sequential(nn.Linear(8, 3)), F.cross_entropy, three)"}
