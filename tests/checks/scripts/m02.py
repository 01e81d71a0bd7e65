"""M02 layers that the module does not know of: scripts that must fire and that must not."""

FIRES = {
    "layers in a list": """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = [nn.Linear(8, 8) for _ in range(2)]
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        for layer in self.hidden:
            x = layer(x).relu()
        return self.head(x)


train(Net(), F.cross_entropy, three)
""",
    "a tensor that should be a Parameter": """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = torch.ones(8, requires_grad=True)
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        return self.head(x * self.scale)


train(Net(), F.cross_entropy, three)
""",
}
SILENT = {
    "a ModuleList": """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.ModuleList(nn.Linear(8, 8) for _ in range(2))
        self.order = list(self.hidden)
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        for layer in self.order:
            x = layer(x).relu()
        return self.head(x)


train(Net(), F.cross_entropy, three)
""",
    "a frozen teacher kept out of the module on purpose": """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.teacher = [nn.Linear(8, 3).requires_grad_(False)]
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        return self.head(x) + 0 * self.teacher[0](x)


train(Net(), F.cross_entropy, three)
""",
}
