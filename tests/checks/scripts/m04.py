"""M04 saturated hidden units: scripts that must fire and that must not."""

FIRES = {
    "tanh of unscaled inputs": """
model = nn.Sequential(nn.Linear(8, 32), nn.Tanh(), nn.Linear(32, 3))
labels = (torch.rand(256) * 3).long()
train(model, F.cross_entropy, labels, X=X * 1e4, epochs=10, lr=1e-4)
""",
}
SILENT = {
    "usual": "train(nn.Sequential(nn.Linear(8, 32), nn.Tanh(), nn.Linear(32, 3)), F.cross_entropy, three)",
    "a sigmoid that ends certain": """
train(net(1, nn.Sigmoid()), lambda out, t: F.binary_cross_entropy(out[:, 0], t.float()), two, epochs=20, lr=0.05)
""",
}
