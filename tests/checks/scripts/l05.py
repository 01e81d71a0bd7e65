"""L05 the output cannot reach the target: scripts that must fire and that must not."""

FIRES = {
    "ReLU before targets of both signs": """
train(net(1, nn.ReLU()), lambda out, t: F.mse_loss(out[:, 0], t), amount)
""",
    "sigmoid before amounts": """
train(net(1, nn.Sigmoid()), lambda out, t: F.mse_loss(out[:, 0], t), amount.abs() * 20 + 3)
""",
    "tanh before amounts": "train(net(1, nn.Tanh()), lambda out, t: F.l1_loss(out[:, 0], t), 10 * amount)",
    "softmax before amounts": """
goals = torch.stack([amount, -amount, amount * 3], 1)
train(net(3, nn.Softmax(1)), F.mse_loss, goals)
""",
}

SILENT = {
    "linear output": "train(net(1), lambda out, t: F.mse_loss(out[:, 0], t), amount)",
    "ReLU before counts": "train(net(1, nn.ReLU()), lambda out, t: F.mse_loss(out[:, 0], t), amount.abs())",
    "sigmoid before probabilities": """
train(net(1, nn.Sigmoid()), lambda out, t: F.mse_loss(out[:, 0], t), two.float())
""",
    "tanh before images in -1..1": """
train(net(8, nn.Tanh()), F.mse_loss, X.clamp(-1, 1))
""",
    "sigmoid before noisy targets just outside": """
train(net(1, nn.Sigmoid()), lambda out, t: F.mse_loss(out[:, 0], t), two + 0.02 * torch.randn(256))
""",
    "softplus before amounts": "train(net(1, nn.Softplus()), lambda out, t: F.mse_loss(out[:, 0], t), amount.abs())",
}
