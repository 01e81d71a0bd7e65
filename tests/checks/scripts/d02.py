"""D02 columns of very different scale: scripts that must fire and that must not."""

_TABLE = "table = X.clone()\ntable[:, 0] = table[:, 0] * 5e4 + 6e4\ntable[:, 1] *= 1e-3\n"
FIRES = {"money beside shares": _TABLE + "train(net(3), F.cross_entropy, three, X=table)"}
SILENT = {
    "scaled": "train(net(3), F.cross_entropy, three)",
    "batch normalisation comes first": _TABLE
    + "train(nn.Sequential(nn.BatchNorm1d(8), *net(3)), F.cross_entropy, three, X=table)",
    "one-hot columns": """
hot = F.one_hot(torch.randint(0, 8, (256,)), 8).float()
hot[:, 7] = 0
hot[0, 7] = 1
train(net(3), F.cross_entropy, three, X=hot)
""",
}
