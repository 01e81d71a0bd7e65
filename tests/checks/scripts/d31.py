"""D31 past and future scaled together: scripts that must fire and that must not."""

_WINDOWS = """
series = 50 + torch.randn(500).cumsum(0) * 0.9 + 3 * torch.sin(torch.arange(500.0) / 4)
w = series.unfold(0, 28, 1)
past = w[:, :24]
SCALE
x, y = z[:, :24], z[:, 24:]
model = nn.Sequential(nn.Linear(24, 32), nn.ReLU(), nn.Linear(32, 4))
train(model, F.mse_loss, y, X=x)
"""
_BOTH = "z = (w - w.mean(1, keepdim=True)) / (w.std(1, keepdim=True) + 1e-6)"
_PAST = "z = (w - past.mean(1, keepdim=True)) / (past.std(1, keepdim=True) + 1e-6)"

_NEXT = """
series = 50 + torch.randn(500).cumsum(0) * 0.9
w = series.unfold(0, 21, 1)
z = (w - w.mean(1, keepdim=True)) / w.std(1, unbiased=False, keepdim=True)
x, y = z[:, :-1, None], TARGET
class Next(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn, self.out = nn.GRU(1, 16, batch_first=True), nn.Linear(16, 1)
    def forward(self, x):
        return self.out(self.rnn(x)[0]WHERE)
train(Next(), F.l1_loss, y, X=x)
"""

FIRES = {
    "mean and spread of the whole window": _WINDOWS.replace("SCALE", _BOTH),
    "a recurrent net and one step ahead": _NEXT.replace("TARGET", "z[:, -1:]").replace("WHERE", "[:, -1]"),
    "a recurrent net whose target is the window moved by one": _NEXT.replace("TARGET", "z[:, 1:, None]").replace(
        "WHERE", ""
    ),
}

SILENT = {
    "mean and spread of the past": _WINDOWS.replace("SCALE", _PAST),
    "the series scaled as a whole": _WINDOWS.replace("SCALE", "z = (w - series.mean()) / series.std()"),
    "each window less its last value": _WINDOWS.replace("SCALE", "z = (w - past[:, -1:]) / series.std()"),
    "an autoencoder of scaled windows": """
w = torch.randn(500).cumsum(0).unfold(0, 24, 1)
z = (w - w.mean(1, keepdim=True)) / w.std(1, keepdim=True)
model = nn.Sequential(nn.Linear(24, 6), nn.Tanh(), nn.Linear(6, 24))
train(model, F.mse_loss, z, X=z)
""",
    "the class of scaled windows": """
w = torch.randn(500).cumsum(0).unfold(0, 24, 1)
z = (w - w.mean(1, keepdim=True)) / w.std(1, keepdim=True)
model = nn.Sequential(nn.Linear(24, 16), nn.ReLU(), nn.Linear(16, 1))
train(model, F.binary_cross_entropy_with_logits, (w[:, -1:] > w.mean(1, keepdim=True)).float(), X=z)
""",
}
