"""M07 all units start alike: scripts that must fire and that must not."""

FIRES = {
    "constant weights": """
model = net(3)
for p in model.parameters():
    nn.init.constant_(p, 0.1)
train(model, F.cross_entropy, three)
""",
    "zero weights": """
model = net(3)
for p in model.parameters():
    nn.init.zeros_(p)
train(model, F.cross_entropy, three)
""",
}
SILENT = {
    "usual": "train(net(3), F.cross_entropy, three)",
    "a head that starts at zero": """
model = net(3)
nn.init.zeros_(model[2].weight)
train(model, F.cross_entropy, three)
""",
    "logistic regression from zero": """
model = nn.Linear(8, 3)
nn.init.zeros_(model.weight)
train(model, F.cross_entropy, three)
""",
    "an adapter whose second half is zero": """
class Adapter(nn.Module):
    def __init__(self):
        super().__init__()
        self.base = nn.Linear(8, 3).requires_grad_(False)
        self.a, self.b = nn.Linear(8, 2, bias=False), nn.Linear(2, 3, bias=False)
        nn.init.zeros_(self.b.weight)

    def forward(self, x):
        return self.base(x) + self.b(self.a(x))


train(Adapter(), F.cross_entropy, three)
""",
}
