"""D13 evaluation rows are scaled otherwise: scripts that must fire and that must not."""

_LOOP = """
model = net(3)
held = torch.randn(256, 8)
train(model, F.cross_entropy, three, X=TRAIN)
model.eval()
with torch.no_grad():
    for x, t in batches(three, held):
        model(HELD)
"""
FIRES = {
    "only the training rows are standardised": _LOOP.replace("TRAIN", "X").replace("HELD", "x * 40 + 100"),
    "only the evaluation images are divided": _LOOP.replace("TRAIN", "X").replace("HELD", "x / 255"),
}
SILENT = {
    "the same": _LOOP.replace("TRAIN", "X").replace("HELD", "x"),
    "noise is added in training": _LOOP.replace("TRAIN", "X + 0.3 * torch.randn(256, 8)").replace("HELD", "x"),
}
