"""X15 backward of many numbers: scripts that end with the crash, and their twins."""

FIRES = {
    "no reduction": "train(net(3), nn.CrossEntropyLoss(reduction='none'), three)",
    "by hand": "train(net(1), lambda out, t: (out[:, 0] - t) ** 2, amount)",
}
SILENT = {"the mean": "train(net(1), lambda out, t: ((out[:, 0] - t) ** 2).mean(), amount)"}
