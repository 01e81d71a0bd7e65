"""X03 a class that has no output: scripts that end with the crash, and their mended twins."""

FIRES = {
    "labels count from one": "train(net(3), F.cross_entropy, three + 1)",
    "too few outputs": "train(net(2), F.cross_entropy, three)",
    "minus one marks the unknown": """
labels = three.clone()
labels[3] = -1
train(net(3), F.cross_entropy, labels)
""",
    "nll": "train(net(2, nn.LogSoftmax(1)), F.nll_loss, three)",
}

SILENT = {"as many outputs as classes": "train(net(3), F.cross_entropy, three)"}
