"""T11 a method of the model is overridden: scripts that must fire and that must not."""

FIRES = {
    "the training loop is called train": """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.drop, self.head = nn.Linear(8, 32), nn.Dropout(0.3), nn.Linear(32, 3)

    def forward(self, x):
        return self.head(self.drop(self.body(x).relu()))

    def train(self, data=None, epochs=3):
        optimizer = torch.optim.Adam(self.parameters())
        for _ in range(epochs if data else 0):
            for x, t in data:
                optimizer.zero_grad()
                F.cross_entropy(self(x), t).backward()
                optimizer.step()


model = Net()
model.train(batches(three))
model.eval()
with torch.no_grad():
    hits = (model(X).argmax(1) == three).sum()
""",
    "the freezing stands in train(), which is never called": """
class Net(nn.Module):
    def __init__(self, frozen=1):
        super().__init__()
        self.body, self.drop, self.head, self.frozen = nn.Linear(8, 32), nn.Dropout(0.1), nn.Linear(32, 3), frozen

    def forward(self, x):
        return self.head(self.drop(self.body(x).relu()))

    def train(self, mode=True):
        super().train(mode)
        if mode and self.frozen:
            for p in self.body.parameters():
                p.requires_grad = False
        return self


model = Net()
optimizer = torch.optim.Adam(model.parameters())
for epoch in range(3):
    for x, t in batches(three):
        optimizer.zero_grad()
        F.cross_entropy(model(x), t).backward()
        optimizer.step()
""",
}

SILENT = {
    "train() calls super() and is called": FIRES["the freezing stands in train(), which is never called"].replace(
        "for epoch in range(3):", "model.train()\nfor epoch in range(3):"
    ),
    "nothing is overridden": "train(net(3), F.cross_entropy, three)",
}
