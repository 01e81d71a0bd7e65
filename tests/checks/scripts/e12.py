"""E12 dropout that evaluation mode does not stop: scripts that must fire and that must not."""

_NET = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(8, 32), nn.Linear(32, 3)

    def forward(self, x):
        return self.b(DROP)


model = train(Net(), F.cross_entropy, three)
model.eval()
with torch.no_grad():
    hits = sum((model(x).argmax(1) == t).sum().item() for x, t in batches(three))
"""

FIRES = {
    "the default": _NET.replace("DROP", "F.dropout(self.a(x).relu(), 0.5)"),
    "training is set for good": _NET.replace("DROP", "F.dropout(self.a(x).relu(), p=0.5, training=True)"),
}

SILENT = {
    "it heeds the flag": _NET.replace("DROP", "F.dropout(self.a(x).relu(), 0.5, training=self.training)"),
    "no dropout": _NET.replace("DROP", "self.a(x).relu()"),
    "several passes of the same rows": _NET.replace("DROP", "F.dropout(self.a(x).relu(), 0.5)").replace(
        "    hits = sum((model(x).argmax(1) == t).sum().item() for x, t in batches(three))",
        "    mean = torch.stack([model(X).softmax(1) for _ in range(10)]).mean(0)",
    ),
}
