"""M10 axes are mixed up: scripts that must fire and that must not."""

_NET = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.walk, self.head = nn.LSTM(4, 16FIRST), nn.Linear(16, 3)

    def forward(self, x):
        BEFORE
        out, _ = self.walk(x)
        return self.head(LAST)


train(Net(), F.cross_entropy, three, X=torch.randn(256, 6, 4))
"""


def _script(first: str, before: str, last: str) -> str:
    return _NET.replace("FIRST", first).replace("BEFORE", before).replace("LAST", last)


FIRES = {
    "batch_first is forgotten": _script("", "pass", "out[:, -1]"),
    "view instead of permute": """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.walk, self.head = nn.GRU(4, 16, batch_first=True), nn.Linear(16, 3)

    def forward(self, x):
        B, C, T = x.shape
        out, _ = self.walk(x.view(B, T, C))
        return self.head(out[:, -1])


train(Net(), F.cross_entropy, three, X=torch.randn(256, 4, 6))
""",
}

SILENT = {
    "batch_first": _script(", batch_first=True", "pass", "out[:, -1]"),
    "time comes first, and is put there": _script("", "x = x.transpose(0, 1)", "out[-1]"),
    "time first, a number for each row at each time": """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.walk, self.head = nn.LSTM(1, 16), nn.Linear(16, 1)

    def forward(self, x):
        out, _ = self.walk(x.unsqueeze(-1))
        return self.head(out).squeeze(-1)


series = torch.randn(1001, 6).cumsum(0).tanh()
net = Net()
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
for k in range(40):
    x, y = series[k * 20 : k * 20 + 20], series[k * 20 + 1 : k * 20 + 21]
    optimizer.zero_grad()
    F.mse_loss(net(x), y).backward()
    optimizer.step()
""",
    "a single step": _script("", "x = x[:, :1]", "out[:, -1]"),
}

ALSO = {"view instead of permute": {"M22"}}
