"""M08 the output ignores the input: scripts that must fire and that must not."""

FIRES = {
    "the input is overwritten": """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(8, 32), nn.Linear(32, 3)

    def forward(self, x):
        h = torch.zeros(len(x), 32)
        return self.b(F.relu(h))


train(Net(), F.cross_entropy, three)
""",
    "softmax of one output": "train(net(1, nn.Softmax(1)), lambda out, t: F.mse_loss(out[:, 0], t.float()), two)",
    "a dead layer from the start": """
model = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 3))
nn.init.constant_(model[0].bias, -50.0)
train(model, F.cross_entropy, three)
""",
}

ALSO = {
    "softmax of one output": {"L02"},
    "a dead layer from the start": {"M03"},
    "equal rows go in": {"D04"},
}
SILENT = {
    "a usual net": "train(net(3), F.cross_entropy, three)",
    "a head that starts at zero": """
model = net(3)
nn.init.zeros_(model[2].weight)
train(model, F.cross_entropy, three)
""",
    "equal rows go in": """
train(net(3), F.cross_entropy, torch.zeros(256, dtype=torch.long), X=torch.ones(256, 8))
""",
    "a learned constant (no input is used on purpose)": """
class Constant(nn.Module):
    def __init__(self):
        super().__init__()
        self.value = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        return self.value.expand(len(x))


train(Constant(), F.mse_loss, amount)
""",
}
