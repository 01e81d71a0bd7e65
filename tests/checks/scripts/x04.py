"""X04 targets of the wrong type: scripts that end with the crash, and their mended twins."""

FIRES = {
    "class indices as floats": "train(net(3), F.cross_entropy, three.float())",
    "class indices as int32": "train(net(3), F.cross_entropy, three.int())",
    "one-hot integers": "train(net(3), F.cross_entropy, F.one_hot(three, 3))",
    "integers into BCELoss": "train(net(1, nn.Sigmoid()), lambda out, t: F.binary_cross_entropy(out[:, 0], t), two)",
    "integers into BCEWithLogitsLoss": """
train(net(1), lambda out, t: F.binary_cross_entropy_with_logits(out[:, 0], t), two)
""",
}

SILENT = {"long indices": "train(net(3), F.cross_entropy, three)"}
