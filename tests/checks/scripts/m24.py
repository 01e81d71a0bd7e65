"""M24 the last step is padding: scripts that must fire and that must not."""

_TEXT = """
lengths = torch.randint(3, 13, (256,))
ids = torch.randint(1, 20, (256, 12)) * (torch.arange(12) < lengths.unsqueeze(1))
label = (ids[:, 0] > 10).long()
CHANGE


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.rnn = nn.Embedding(20, 16, padding_idx=0), nn.LSTM(16, 16, batch_first=True)
        self.head = nn.Linear(16, 2)

    def forward(self, x):
        out, _ = self.rnn(self.embed(x))
        return self.head(LAST)


train(Net(), F.cross_entropy, label, X=ids)
"""
_OWN = "out[torch.arange(len(x)), (x != 0).sum(1) - 1]"
FIRES = {"the last place": _TEXT.replace("CHANGE", "").replace("LAST", "out[:, -1]")}

_MOVES = """
lengths = torch.randint(3, 13, (256,))
moves = torch.randn(256, 12, 4) * (torch.arange(12) < lengths.unsqueeze(1)).unsqueeze(2)
label = (moves[:, 0, 0] > 0).long()
CHANGE


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn, self.head = nn.GRU(4, 16, batch_first=True), nn.Linear(16, 2)

    def forward(self, x):
        out, _ = self.rnn(x)
        return self.head(LAST)


train(Net(), F.cross_entropy, label, X=moves)
"""
FIRES["steps of zeros"] = _MOVES.replace("CHANGE", "").replace("LAST", "out[:, -1]")

SILENT = {
    "the last step that is there": _MOVES.replace("CHANGE", "").replace(
        "LAST", "out[torch.arange(len(x)), (x != 0).any(2).sum(1) - 1]"
    ),
    "steps of zeros anywhere": _MOVES.replace("CHANGE", "moves[:, 1::3] = 0").replace("LAST", "out[:, -1]"),
    "the last token": _TEXT.replace("CHANGE", "").replace("LAST", _OWN),
    "padding in front": _TEXT.replace("CHANGE", "ids = ids.flip(1)").replace("LAST", "out[:, -1, :]"),
}
