"""X19 a module that holds no layers: scripts that end with the crash, and their twins."""

FIRES = {
    "layers in a Python list": """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = [nn.Linear(8, 3)]

    def forward(self, x):
        return self.layers[0](x)


torch.optim.SGD(Net().parameters(), lr=0.1)
""",
    "super().__init__() forgotten": """
class Net(nn.Module):
    def __init__(self):
        self.layer = nn.Linear(8, 3)


Net()
""",
}
SILENT = {"a ModuleList": "torch.optim.SGD(nn.ModuleList([nn.Linear(8, 3)]).parameters(), lr=0.1)"}
