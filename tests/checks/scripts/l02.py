"""L02 softmax over one entry: scripts that must fire and that must not."""

FIRES = {
    "softmax of one output": """
train(net(1, nn.Softmax(dim=1)), lambda out, t: F.binary_cross_entropy(out[:, 0], t.float()), two)
""",
    "log_softmax of one output": "train(net(1, nn.LogSoftmax(dim=1)), lambda out, t: -(out[:, 0] * t).mean(), two)",
    "cross-entropy over one class": "train(net(1), lambda out, t: F.cross_entropy(out, torch.zeros_like(t)), two)",
    "softmax over the batch of one": """
model = net(3)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for x, target in DataLoader(TensorDataset(X[:60], three[:60]), batch_size=1):
    optimizer.zero_grad()
    loss = F.nll_loss(torch.log(torch.softmax(model(x), dim=0) + 1e-9), target)
    loss.backward()
    optimizer.step()
""",
}

SILENT = {
    "softmax of two outputs": "train(net(2, nn.LogSoftmax(dim=1)), F.nll_loss, two)",
    "attention over one key in some steps": """
class Attend(nn.Module):
    def __init__(self):
        super().__init__()
        self.query, self.head, self.calls = nn.Linear(8, 8), nn.Linear(8, 3), 0

    def forward(self, x):
        self.calls += 1
        keys = x[:, None, :].expand(-1, 1 + self.calls % 3, -1)
        weights = torch.softmax((self.query(x)[:, None, :] * keys).sum(-1), dim=-1)
        return self.head((weights[..., None] * keys).sum(1))


train(Attend(), F.cross_entropy, three)
""",
    "attention of a transformer over a sequence of one token": """
layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)


class Tiny(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer, self.head = layer, nn.Linear(8, 3)

    def forward(self, x):
        return self.head(self.layer(x[:, None, :])[:, 0])


train(Tiny(), F.cross_entropy, three)
""",
    "one option left in an evaluation": """
model = train(net(3), F.cross_entropy, three)
with torch.no_grad():
    chances = torch.softmax(model(X[:1])[:, :1], dim=1)
""",
}
