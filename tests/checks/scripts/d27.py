"""D27 the target is among the inputs: scripts that must fire and that must not."""

_WINDOWS = """
series = torch.sin(torch.arange(600.0) / 9) + 0.1 * torch.randn(600)
W = 12
rows = series[:400].unfold(0, W + 1, 1)
inputs, target = rows[:, :W].unsqueeze(-1), rows[:, WHERE]


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn, self.head = nn.GRU(1, 16, batch_first=True), nn.Linear(16, 1)

    def forward(self, x):
        return self.head(self.rnn(x)[0][:, -1]).squeeze(1)


train(Net(), F.mse_loss, target, X=inputs)
"""
FIRES = {
    "a column, scaled": """
table = torch.cat([X, 3 * amount.unsqueeze(1)], 1)
train(nn.Sequential(nn.Linear(9, 32), nn.ReLU(), nn.Linear(32, 1)), F.mse_loss, amount.unsqueeze(1), X=table)
""",
    "the class": """
table = torch.cat([two.unsqueeze(1).float(), X], 1)
train(nn.Sequential(nn.Linear(9, 32), nn.ReLU(), nn.Linear(32, 2)), F.cross_entropy, two, X=table)
""",
    "the last step": _WINDOWS.replace("WHERE", "W - 1"),
}

SILENT = {
    "the next step": _WINDOWS.replace("WHERE", "W"),
    "nearly": """
table = torch.cat([X, amount.unsqueeze(1) + 0.05 * torch.randn(256, 1)], 1)
train(nn.Sequential(nn.Linear(9, 32), nn.ReLU(), nn.Linear(32, 1)), F.mse_loss, amount.unsqueeze(1), X=table)
""",
    "a series that repeats itself": """
series = torch.sin(torch.arange(600.0) * 2 * torch.pi / 12)
rows = series.unfold(0, 25, 1)
train(nn.Sequential(nn.Linear(24, 32), nn.ReLU(), nn.Linear(32, 1)), F.mse_loss, rows[:, 24:], X=rows[:, :24])
""",
}
