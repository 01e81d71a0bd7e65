"""L24 the commonest class weighs nothing: scripts that must fire and that must not."""

_RARE = """
labels = (torch.arange(256) % 8 > 4).long() + (torch.arange(256) % 8 > 6).long()
counts = torch.bincount(labels)
"""


def _script(weight: str) -> str:
    return f"{_RARE}train(net(3), nn.CrossEntropyLoss(weight={weight}), labels)"


FIRES = {
    "floor division": _script("(len(labels) // (3 * counts)).float()"),
    "turned into whole numbers": _script("(len(labels) / (3 * counts)).long().float()"),
}

SILENT = {
    "a true division": _script("len(labels) / (3 * counts)"),
    "rounded, and none is 0": _script("torch.ceil(len(labels) / (3 * counts))"),
    "the commonest is left out on purpose": _script("torch.tensor([0.0, 1.0, 1.0])"),
    "padding is left out beside weights": _script("torch.tensor([0.0, 1.3, 2.7])"),
}
