"""N08 float64 by accident: scripts that must fire and that must not."""

FIRES = {
    "the model was made double for numpy's sake": """
import numpy as np

table = torch.from_numpy(np.random.default_rng(0).normal(size=(256, 8)))
train(net(3).double(), F.cross_entropy, three, X=table)
""",
    "a target of float64 drags the loss along": """
goal = amount.double()
train(net(1), lambda out, t: F.mse_loss(out[:, 0], t), goal)
""",
}
SILENT = {
    "float32": "train(net(3), F.cross_entropy, three)",
    "float64 is the default of the whole program": """
torch.set_default_dtype(torch.float64)
try:
    train(net(3), F.cross_entropy, three, X=X.double())
finally:
    torch.set_default_dtype(torch.float32)
""",
}
