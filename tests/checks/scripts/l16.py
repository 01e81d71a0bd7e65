"""L16 the target is the input itself: scripts that must fire and that must not."""

_LSTM = """
text = torch.randint(0, 20, (128, 13))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.rnn, self.head = nn.Embedding(20, 16), nn.GRU(16, 24, batch_first=True), nn.Linear(24, 20)

    def forward(self, ids):
        STEPS


model = Net()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for epoch in range(3):
    for rows in text.split(32):
        loss = F.cross_entropy(model(rows[:, :-1]).flatten(0, 1), TARGET.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
"""
_ALL = "return self.head(self.rnn(self.embed(ids))[0])"
_LAST = "return self.head(self.rnn(self.embed(ids))[1][0]).unsqueeze(1).expand(-1, ids.shape[1], -1)"


def _script(target: str, steps: str = _ALL) -> str:
    return _LSTM.replace("TARGET", target).replace("STEPS", steps)


FIRES = {"a recurrent net": _script("rows[:, :-1]")}

SILENT = {
    "moved by one": _script("rows[:, 1:]"),
    "an auto-encoder: its last state alone goes on": _script("rows[:, :-1]", _LAST),
}
