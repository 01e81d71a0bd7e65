"""X09 backward twice through one graph: scripts that end with the crash, and their twins."""

_RNN = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell, self.head = nn.RNNCell(8, 16), nn.Linear(16, 3)


model = Net()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
hidden = torch.zeros(32, 16)
for x, t in batches(three):
    hidden = model.cell(x, HIDDEN)
    optimizer.zero_grad()
    F.cross_entropy(model.head(hidden), t).backward()
    optimizer.step()
"""

FIRES = {
    "the hidden state carries the last graph": _RNN.replace("HIDDEN", "hidden"),
    "backward called twice": """
loss = F.cross_entropy(net(3)(X), three)
loss.backward()
loss.backward()
""",
    "the loss made outside the loop": """
model = net(3)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
loss = F.cross_entropy(model(X), three)
for _ in range(3):
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
""",
}

SILENT = {"detached in between": _RNN.replace("HIDDEN", "hidden.detach()")}
