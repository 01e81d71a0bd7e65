"""X07 inputs of the wrong type: scripts that end with the crash, and their twins."""

FIRES = {
    "float64 from numpy": """
import numpy as np

table = torch.from_numpy(np.random.default_rng(0).normal(size=(256, 8)))
train(net(3), F.cross_entropy, three, X=table)
""",
    "integers": "train(net(3), F.cross_entropy, three, X=torch.ones(256, 8, dtype=torch.long))",
    "bytes into a convolution": """
train(nn.Sequential(nn.Conv2d(1, 3, 8), nn.Flatten()), F.cross_entropy, three,
      X=torch.ones(256, 1, 8, 8, dtype=torch.uint8))
""",
    "floats into an embedding": """
train(nn.Sequential(nn.Embedding(10, 3), nn.Flatten(), nn.Linear(24, 3)), F.cross_entropy, three)
""",
}

SILENT = {"float32": "train(net(3), F.cross_entropy, three, X=X.double().float())"}
