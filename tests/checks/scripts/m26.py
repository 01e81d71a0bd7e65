"""M26 no gradient comes through a rounding: scripts that must fire and that must not."""

_CODES = """
class Coder(nn.Module):
    def __init__(self):
        super().__init__()
        self.encode, self.decode = nn.Linear(8, 12), nn.Linear(12, 8)

    def forward(self, x):
        p = torch.sigmoid(self.encode(x))
        return self.decode(HOW)


train(Coder(), F.mse_loss, X)
"""
FIRES = {
    "a rounded code": _CODES.replace("HOW", "torch.round(p)"),
    "the sign of a projection": _CODES.replace("HOW", "(p - 0.5).sign()"),
}

SILENT = {
    "straight through": _CODES.replace("HOW", "p + (torch.round(p) - p).detach()"),
    "a fraction": _CODES.replace("HOW", "4 * p - torch.floor(4 * p)"),
    "smooth": _CODES.replace("HOW", "p"),
}
