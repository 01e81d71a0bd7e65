"""X05 a layer gets another width than it was built for: scripts that end with the crash, and their twins."""

_IMAGES = "images = torch.randn(256, 1, 8, 8)\n"
FIRES = {
    "linear after linear": "train(nn.Sequential(nn.Linear(8, 32), nn.Linear(16, 3)), F.cross_entropy, three)",
    "linear after a convolution, counted wrongly": _IMAGES
    + "train(nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten(), nn.Linear(100, 3)), F.cross_entropy, three, X=images)",
    "flatten forgotten": _IMAGES
    + "train(nn.Sequential(nn.Conv2d(1, 4, 3), nn.Linear(144, 3)), F.cross_entropy, three, X=images)",
    "channels last": """
train(nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(144, 3)), F.cross_entropy, three,
      X=torch.randn(256, 8, 8, 3))
""",
    "grey images into three channels": _IMAGES
    + "train(nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(144, 3)), F.cross_entropy, three, X=images)",
    "batch normalisation of another width": """
train(nn.Sequential(nn.Linear(8, 32), nn.BatchNorm1d(16), nn.Linear(32, 3)), F.cross_entropy, three)
""",
    "recurrent net of another width": """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm, self.head = nn.LSTM(4, 16, batch_first=True), nn.Linear(16, 3)

    def forward(self, x):
        return self.head(self.lstm(x[:, :, None])[0][:, -1])


train(Net(), F.cross_entropy, three)
""",
    "matrix product by hand": """
W = torch.zeros(3, 8, requires_grad=True)
F.cross_entropy(X @ W, three).backward()
""",
}

SILENT = {"widths that fit": "train(net(3), F.cross_entropy, three)"}
