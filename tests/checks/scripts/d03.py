"""D03 a target far from unit scale: scripts that must fire and that must not."""

FIRES = {
    "house prices": "train(net(1), lambda out, t: F.mse_loss(out[:, 0], t), amount * 8e4 + 3e5, epochs=10)",
}
SILENT = {
    "standardised": "train(net(1), lambda out, t: F.mse_loss(out[:, 0], t), amount)",
    "large, and learnt well": """
goal = amount * 300
train(nn.Linear(8, 1), lambda out, t: F.mse_loss(out[:, 0], t), goal, epochs=40, lr=20.0)
""",
    "the model has its own scale": """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = net(1)

    def forward(self, x):
        return self.body(x) * 8e4 + 3e5


train(Net(), lambda out, t: F.mse_loss(out[:, 0], t), amount * 8e4 + 3e5, epochs=10)
""",
}
