"""T12 the graph grows from step to step: scripts that must fire and that must not."""

_RNN = """
cell, head = nn.RNNCell(8, 16), nn.Linear(16, 3)
optimizer = torch.optim.SGD([*cell.parameters(), *head.parameters()], lr=1e-3)
h = torch.zeros(32, 16)
for step in range(24):
    x, t = X[:32], three[:32]
    h = cell(x, h)
    optimizer.zero_grad()
"""

FIRES = {
    "the hidden state keeps its history": """
w = nn.Parameter(torch.randn(16, 16) * 0.1)
head = nn.Linear(16, 3)
optimizer = torch.optim.SGD(head.parameters(), lr=1e-3)
h = torch.zeros(32, 16)
for step in range(24):
    h = torch.tanh(h @ w + 1)
    optimizer.zero_grad()
    F.cross_entropy(head(h), three[:32]).backward(retain_graph=True)
    optimizer.step()
""",
    "the losses of all steps are summed and derived again": """
model = net(3)
optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
total = 0
x, t = X[:32], three[:32]
weights = [p.detach().clone().requires_grad_() for p in model.parameters()]
out = 0
for step in range(24):
    total = total + F.cross_entropy(torch.relu(x @ weights[0].T + weights[1]) @ weights[2].T + weights[3], t)
    total.backward(retain_graph=True)
""",
}

SILENT = {
    "detached": _RNN + "    F.cross_entropy(head(h), t).backward()\n    optimizer.step()\n    h = h.detach()\n",
    "the graph is kept for a second loss": """
model = net(3)
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for epoch in range(3):
    for x, t in batches(three):
        optimizer.zero_grad()
        out = model(x)
        F.cross_entropy(out, t).backward(retain_graph=True)
        (1e-4 * out.pow(2).mean()).backward()
        optimizer.step()
""",
    "sequences that grow": """
cell, head = nn.RNNCell(8, 16), nn.Linear(16, 3)
optimizer = torch.optim.SGD([*cell.parameters(), *head.parameters()], lr=1e-3)
for step in range(24):
    h = torch.zeros(32, 16)
    for _ in range(step + 1):
        h = cell(X[:32], h)
    optimizer.zero_grad()
    F.cross_entropy(head(h), three[:32]).backward()
    optimizer.step()
""",
}
