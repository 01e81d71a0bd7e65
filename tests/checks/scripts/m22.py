"""M22 axes put in order by view: scripts that must fire and that must not."""

_IMAGES = """
images = torch.randn(256, 6, 5, 3)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.head = nn.Conv2d(3, 8, 3, padding=1), nn.Linear(8, 3)

    def forward(self, x):
        x = MOVE
        return self.head(torch.relu(self.conv(x)).mean((2, 3)))


train(Net(), F.cross_entropy, three, X=images)
"""
_FRAMES = """
frames = torch.randn(256, 6, 4)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.each, self.rnn = nn.Linear(4, 16), nn.GRU(16, 8, num_layers=2, batch_first=True)
        self.head = nn.Linear(16, 3)

    def forward(self, x):
        b, t, d = x.shape
        z = self.each(x.reshape(b * t, d)).view(PART)
        h = self.rnn(z)[1]
        return self.head(STATE)


train(Net(), F.cross_entropy, three, X=frames)
"""
_CAT = "torch.cat([h[0], h[1]], 1)"
FIRES = {
    "images": _IMAGES.replace("MOVE", "x.view(-1, 3, 6, 5)"),
    "the state": _FRAMES.replace("PART", "b, t, -1").replace("STATE", "h.view(b, -1)"),
    "parted the other way": _FRAMES.replace("PART", "t, b, -1").replace("STATE", "torch.randn(b, 16) + h.mean()"),
}

SILENT = {
    "permute": _IMAGES.replace("MOVE", "x.permute(0, 3, 1, 2)"),
    "joined and parted alike": _FRAMES.replace("PART", "b, t, -1").replace("STATE", _CAT),
}
