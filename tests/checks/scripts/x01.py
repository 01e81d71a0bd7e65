"""X01 the loss wants probabilities: scripts that end with the crash, and their mended twins."""

FIRES = {
    "raw outputs into BCELoss": "train(net(1), lambda out, t: nn.BCELoss()(out[:, 0], t.float()), two)",
    "raw outputs by function": "train(net(1), lambda out, t: F.binary_cross_entropy(out, t[:, None].float()), two)",
    "targets above one": """
train(net(1, nn.Sigmoid()), lambda out, t: F.binary_cross_entropy(out[:, 0], t.float()), three)
""",
}

SILENT = {
    "sigmoid first": "train(net(1, nn.Sigmoid()), lambda out, t: F.binary_cross_entropy(out[:, 0], t.float()), two)",
    "another crash": "raise ValueError('all is lost')",
}
