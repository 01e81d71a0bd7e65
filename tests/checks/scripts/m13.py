"""M13 nothing between two linear layers: scripts that must fire and that must not."""

FIRES = {
    "the whole net is linear": """
model = nn.Sequential(nn.Linear(8, 64), nn.Linear(64, 64), nn.Linear(64, 3))
train(model, F.cross_entropy, three)
""",
    "one activation is forgotten": """
model = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 32), nn.Dropout(0.1), nn.Linear(32, 3))
train(model, F.cross_entropy, three)
""",
}

SILENT = {
    "a usual net": "train(net(3), F.cross_entropy, three)",
    "a factorisation": """
model = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 4, bias=False), nn.Linear(4, 32), nn.ReLU(),
                      nn.Linear(32, 3))
train(model, F.cross_entropy, three)
""",
    "activations as functions": """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.c = nn.Linear(8, 32), nn.Linear(32, 32), nn.Linear(32, 3)

    def forward(self, x):
        return self.c(F.relu(self.b(F.relu(self.a(x)))))


train(Net(), F.cross_entropy, three)
""",
    "an activation in place": """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(8, 32), nn.Linear(32, 3)

    def forward(self, x):
        return self.b(torch.relu_(self.a(x)))


train(Net(), F.cross_entropy, three)
""",
    "linear regression": "train(nn.Sequential(nn.Linear(8, 3)), F.cross_entropy, three)",
}
