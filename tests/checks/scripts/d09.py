"""D09 a class without labels: scripts that must fire and that must not."""

FIRES = {
    "labels count from one, one output too many": "train(net(4), F.cross_entropy, three + 1, epochs=10)",
}
SILENT = {
    "all classes": "train(net(3), F.cross_entropy, three)",
    "a subset of many classes": "train(net(100), F.cross_entropy, three + 5)",
    "class 0 is rare, few rows seen": """
train(net(6), F.cross_entropy, torch.randint(1, 6, (64,)), X=X[:64], epochs=1)
""",
    "padding is class 0 and ignored": """
labels = three + 1
labels[::4] = 0
train(net(4), lambda out, t: F.cross_entropy(out, t, ignore_index=0), labels, epochs=10)
""",
}
