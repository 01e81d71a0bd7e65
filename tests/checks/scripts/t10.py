"""T10 accumulated losses are not divided: scripts that must fire and that must not."""

_LOOP = """
model = net(3)
optimizer = torch.optim.MAKE
for epoch in range(6):
    for i, (x, t) in enumerate(batches(three)):
        loss = F.cross_entropy(model(x), t)DIVIDE
        loss.backward()
        if (i + 1) % 4 == 0:
            CLIP
            optimizer.step()
            optimizer.zero_grad()
"""
_CLIP = "torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)"


def _script(make: str, divide: str, clip: str) -> str:
    return _LOOP.replace("MAKE", make).replace("DIVIDE", divide).replace("CLIP", clip)


_SGD, _ADAM = "SGD(model.parameters(), lr=0.1)", "Adam(model.parameters())"
FIRES = {
    "SGD": _script(_SGD, "", "pass"),
    "Adam with clipping": _script(_ADAM, "", _CLIP),
}

SILENT = {
    "divided": _script(_SGD, " / 4", _CLIP),
    "Adam without clipping heeds no scale": _script(_ADAM, "", "pass"),
    "a sum over all rows": _script(_SGD, "", "pass").replace("(model(x), t)", "(model(x), t, reduction='sum') / 128"),
    "two losses, one step": """
model = net(3)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for epoch in range(3):
    for x, t in batches(three):
        optimizer.zero_grad()
        F.cross_entropy(model(x), t).backward()
        F.cross_entropy(model(x + 0.1), t).backward()
        optimizer.step()
""",
}
