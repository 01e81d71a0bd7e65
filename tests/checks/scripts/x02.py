"""X02 the loss gets two shapes: scripts that end with the crash, and their mended twins."""

FIRES = {
    "BCELoss": "train(net(1, nn.Sigmoid()), lambda out, t: F.binary_cross_entropy(out, t.float()), two)",
    "BCEWithLogitsLoss": "train(net(1), lambda out, t: F.binary_cross_entropy_with_logits(out, t.float()), two)",
    "cross-entropy of a sequence": """
train(nn.Sequential(nn.Linear(8, 40), nn.Unflatten(1, (8, 5))), F.cross_entropy, (X > 0).long())
""",
    "half the targets": "train(net(3), lambda out, t: F.cross_entropy(out, t[::2]), three)",
    "labels as a column": "train(net(3), F.cross_entropy, three[:, None])",
    "mean squared error": """
train(net(3), lambda out, t: F.mse_loss(out, torch.zeros(len(t), 2)), three)
""",
}

SILENT = {
    "equal shapes": "train(net(1), lambda out, t: F.binary_cross_entropy_with_logits(out[:, 0], t.float()), two)"
}
