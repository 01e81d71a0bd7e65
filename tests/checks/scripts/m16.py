"""M16 running statistics that do not follow: scripts that must fire and that must not."""

_NET = "model = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16, momentum=RATE), nn.ReLU(), nn.Linear(16, 3))\n"
FIRES = {"momentum zero": _NET.replace("RATE", "0.0") + "train(model, F.cross_entropy, three)"}
SILENT = {
    "the default": _NET.replace("RATE", "0.1") + "train(model, F.cross_entropy, three)",
    "a cumulative mean": _NET.replace("RATE", "None") + "train(model, F.cross_entropy, three)",
}
