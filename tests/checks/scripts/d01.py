"""D01 images in 0..255: scripts that must fire and that must not."""

_IMAGES = """
images = torch.randint(0, 256, (256, 1, 8, 8)).float()
images[:, :, :4, :4] *= (three == 0).float()[:, None, None, None]
images[:, :, 4:, 4:] *= (three == 1).float()[:, None, None, None]
"""
_CNN = "nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(288, 3))"

FIRES = {
    "into a convolution": _IMAGES + f"train({_CNN}, F.cross_entropy, three, X=images)",
    "flat, into a linear layer": _IMAGES
    + """
train(nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 3)), F.cross_entropy, three, X=images.flatten(1))
""",
    "bytes made float in the loop": _IMAGES
    + f"""
model = {_CNN}
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
for x, t in batches(three, images.byte()):
    optimizer.zero_grad()
    F.cross_entropy(model(x.float()), t).backward()
    optimizer.step()
""",
}

SILENT = {
    "divided by 255": _IMAGES + f"train({_CNN}, F.cross_entropy, three, X=images / 255)",
    "the model scales": _IMAGES
    + f"""
class Scaled(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = {_CNN}

    def forward(self, x):
        return self.body(x / 255.0 - 0.5)


train(Scaled(), F.cross_entropy, three, X=images)
""",
    "batch normalisation comes first": _IMAGES
    + f"train(nn.Sequential(nn.BatchNorm2d(1), {_CNN}), F.cross_entropy, three, X=images)",
    "tokens of a vocabulary": """
ids = torch.randint(0, 256, (256, 8))
model = nn.Sequential(nn.Embedding(256, 4), nn.Flatten(), nn.Linear(32, 3))
train(model, F.cross_entropy, three, X=ids)
""",
    "counts in a table": """
counts = torch.poisson(torch.full((256, 8), 3.0))
train(net(3), F.cross_entropy, three, X=counts)
""",
}
