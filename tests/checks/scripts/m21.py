"""M21 statistics of frozen layers move: scripts that must fire and that must not."""

_NET = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU())
        self.head = nn.Linear(16, 3)

    def forward(self, x):
        return self.head(self.body(x))


model = Net()
model.body.requires_grad_(False)
optimizer = torch.optim.Adam(model.head.parameters())
for epoch in range(3):
    model.train()
    MODE
    for x, t in batches(three):
        optimizer.zero_grad()
        F.cross_entropy(model(x), t).backward()
        optimizer.step()
"""

FIRES = {"a frozen body in training mode": _NET.replace("MODE", "")}

FIRES |= {
    "a body that was trained first": _NET.replace("MODE", "").replace(
        "model.body.requires_grad_(False)\n",
        "train(model, F.cross_entropy, three, epochs=2)\nmodel.body.requires_grad_(False)\n",
    ),
}
ALSO = {"a body that was trained first": {"O11"}}

SILENT = {
    "the usual loop": "train(net(3), F.cross_entropy, three)",
    "a frozen body in evaluation mode": _NET.replace("MODE", "model.body.eval()"),
    "a body that is trained": _NET.replace("MODE", "").replace(
        "model.body.requires_grad_(False)\noptimizer = torch.optim.Adam(model.head.parameters())",
        "optimizer = torch.optim.Adam(model.parameters())",
    ),
}
