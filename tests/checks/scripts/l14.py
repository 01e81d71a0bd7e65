"""L14 softmax over the batch: scripts that must fire and that must not."""

_LOOP = """
model = net(3)
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for epoch in range(3):
    for x, t in batches(three):
        optimizer.zero_grad()
        loss = F.nll_loss(PROBABILITIES, t)
        loss.backward()
        optimizer.step()
"""

_BAGS = """
class Bags(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.score, self.head = nn.Linear(4, 16), nn.Linear(16, 1), nn.Linear(16, 3)

    def forward(self, bags):
        h = self.embed(bags).relu()
        return self.head((torch.softmax(self.score(h), dim=AXIS) * h).sum(1))


train(Bags(), F.cross_entropy, three[:250], X=torch.randn(250, 6, 4))
"""
FIRES = {
    "attention over the items of a bag": _BAGS.replace("AXIS", "0"),
    "log_softmax along axis 0": _LOOP.replace("PROBABILITIES", "F.log_softmax(model(x), dim=0)"),
    "the last layer": "train(net(3, nn.LogSoftmax(dim=0)), F.nll_loss, three)",
}

SILENT = {
    "attention over the items of a bag": _BAGS.replace("AXIS", "1"),
    "attention over time, which comes first": """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.score, self.head = nn.Linear(4, 16), nn.Linear(16, 1), nn.Linear(16, 1)

    def forward(self, x):
        h = self.embed(x).relu()
        read = (torch.softmax(self.score(h), dim=0) * h).sum(0)
        return self.head(h + read).squeeze(-1)


net = Net()
optimizer = torch.optim.Adam(net.parameters())
for k in range(40):
    x = torch.randn(20 + k % 3, 6, 4)
    optimizer.zero_grad()
    F.mse_loss(net(x), x.mean(-1)).backward()
    optimizer.step()
""",
    "attention over all rows of one set": """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.score, self.head = nn.Linear(8, 16), nn.Linear(16, 1), nn.Linear(16, 3)

    def forward(self, x):
        h = self.embed(x).relu()
        return self.head(h + (torch.softmax(self.score(h), dim=0) * h).sum(0))


net = Net()
optimizer = torch.optim.Adam(net.parameters())
for k in range(40):
    optimizer.zero_grad()
    F.cross_entropy(net(X), three).backward()
    optimizer.step()
""",
    "along the classes": _LOOP.replace("PROBABILITIES", "F.log_softmax(model(x), dim=1)"),
    "both ways round in a contrastive loss": """
one, other = nn.Linear(8, 4), nn.Linear(8, 4)
optimizer = torch.optim.Adam([*one.parameters(), *other.parameters()])
for x, t in list(batches(three)) * 3:
    scores = F.normalize(one(x)) @ F.normalize(other(x + 0.1)).T * 5
    rows = torch.arange(len(x))
    loss = F.nll_loss(scores.log_softmax(1), rows) + F.nll_loss(scores.log_softmax(0).T, rows)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
""",
}
