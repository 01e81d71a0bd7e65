"""E14 over the batch, not over the classes: scripts that must fire and that must not."""

_SCORE = """
model = train(net(3), F.cross_entropy, three)
model.eval()
with torch.no_grad():
    for x, y in batches(three, shuffle=False):
        SCORE
"""
FIRES = {"softmax": _SCORE.replace("SCORE", "(model(x).softmax(0).argmax(1) == y).float().mean()")}

SILENT = {
    "over the classes": _SCORE.replace("SCORE", "(model(x).softmax(1).argmax(1) == y).float().mean()"),
    "over the last axis": _SCORE.replace("SCORE", "(model(x).softmax(-1).argmax(-1) == y).float().mean()"),
}
ALSO = {name: {"D07"} for name in (*FIRES, *SILENT)}
