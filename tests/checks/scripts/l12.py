"""L12 class weights the wrong way round: scripts that must fire and that must not."""

_RARE = """
labels = (torch.arange(256) % 16 == 0).long() + (torch.arange(256) % 16 == 1).long() * 2
share = torch.bincount(labels).float() / 256
"""

FIRES = {
    "the share itself": _RARE + "train(net(3), nn.CrossEntropyLoss(weight=share), labels)",
    "pos_weight below one for a rare class": _RARE
    + """
rare = (labels == 1).float()
few = rare.sum() / (256 - rare.sum())
train(net(1), lambda out, t: F.binary_cross_entropy_with_logits(out[:, 0], t, pos_weight=few), rare)
""",
}

SILENT = {
    "one over the share": _RARE + "train(net(3), nn.CrossEntropyLoss(weight=1 / share), labels)",
    "no weights": _RARE + "train(net(3), nn.CrossEntropyLoss(), labels)",
    "the padding class weighs nothing": _RARE
    + "train(net(3), nn.CrossEntropyLoss(weight=torch.tensor([1.0, 1.0, 0.0])), labels)",
}
