"""X12 an index that the embedding lacks: scripts that end with the crash, and their twins."""

_TEXT = """
ids = torch.randint(0, SIZE, (256, 8))
train(nn.Sequential(nn.Embedding(50, 4), nn.Flatten(), nn.Linear(32, 3)), F.cross_entropy, three, X=ids)
"""

FIRES = {"a vocabulary larger than the table": _TEXT.replace("SIZE", "60")}
SILENT = {"a vocabulary that fits": _TEXT.replace("SIZE", "50")}
