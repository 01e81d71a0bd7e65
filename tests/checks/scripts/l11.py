"""L11 targets of another kind than the loss takes them for: scripts that must fire and that must not."""

FIRES = {
    "rows of a one-hot code with several ones": """
several = (X[:, :3] > 0).float()
train(net(3), F.cross_entropy, several)
""",
    "amounts as class probabilities": "train(net(4), F.cross_entropy, X[:, :4] * 10)",
}

SILENT = {
    "class indices": "train(net(3), F.cross_entropy, three)",
    "label smoothing by hand": """
soft = F.one_hot(three, 3).float() * 0.9 + 0.1 / 3
train(net(3), F.cross_entropy, soft)
""",
    "two labels mixed": """
mixed = 0.3 * F.one_hot(three, 3).float() + 0.7 * F.one_hot(three.flip(0), 3).float()
train(net(3), F.cross_entropy, mixed)
""",
    "several labels and their own loss": """
train(net(3), F.binary_cross_entropy_with_logits, (X[:, :3] > 0).float())
""",
    "ratings regressed": "train(net(1), lambda out, t: F.mse_loss(out[:, 0], t.float()), three)",
}
