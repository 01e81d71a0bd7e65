"""W01 a warning of the framework: scripts that must fire and that must not."""

FIRES = {
    "an array that may not be written": """
import numpy as np

rows = np.ones((256, 8), dtype=np.float32)
rows.flags.writeable = False
train(net(3), F.cross_entropy, three, X=torch.from_numpy(rows) + X)
""",
}

SILENT = {
    "the usual loop": "train(net(3), F.cross_entropy, three)",
    "a warning that the program filters out": """
import warnings

warnings.filterwarnings("ignore")
warnings.warn("nobody wants to see this")
train(net(3), F.cross_entropy, three)
""",
    "a deprecation": """
import warnings

warnings.warn("old", DeprecationWarning)
train(net(3), F.cross_entropy, three)
""",
}
