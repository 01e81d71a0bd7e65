"""E15 the loss covers the test rows: scripts that must fire and that must not."""

_GRAPH = """
adj = torch.eye(256) + (torch.rand(256, 256) < 0.02).float()
adj = adj / adj.sum(1, keepdim=True)
order = torch.randperm(256)
fit, test_mask = order[:128], order[128:]


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Linear(8, 16), nn.Linear(16, 3)

    def forward(self, x):
        return adj @ self.two(torch.relu(adj @ self.one(x)))


model = Net()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for epoch in range(30):
    model.train()
    optimizer.zero_grad()
    loss = F.cross_entropy(model(X)WHICH, threeWHICH)
    loss.backward()
    optimizer.step()
    model.eval()
    with torch.no_grad():
        pred = model(X).argmax(1)
        score = (pred[test_mask] == three[test_mask]).float().mean()
"""
FIRES = {"all nodes": _GRAPH.replace("WHICH", "")}

SILENT = {
    "nodes of training": _GRAPH.replace("WHICH", "[fit]"),
    "other rows are tested": """
fit, test_rows = torch.arange(0, 200), torch.arange(200, 256)
model = net(3)
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for epoch in range(30):
    optimizer.zero_grad()
    F.cross_entropy(model(X[fit]), three[fit]).backward()
    optimizer.step()
    with torch.no_grad():
        (model(X[test_rows]).argmax(1) == three[test_rows]).float().mean()
""",
}
