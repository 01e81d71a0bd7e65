"""D11 nothing to learn from: scripts that must fire and that must not."""

_LOOP = """
model = net(3)
optimizer = torch.optim.Adam(model.parameters())
for _ in range(3):
    for x, t in batches(labels, shuffle=False):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), t, ignore_index=-100)
        loss.backward()
        optimizer.step()
"""

FIRES = {
    "a batch whose targets are all ignored": "labels = three.clone()\nlabels[32:64] = -100\n" + _LOOP,
    "hardly any target is left": """
labels = torch.full((256,), -100)
labels[::64] = three[::64]
"""
    + _LOOP.replace("shuffle=False", "shuffle=True").replace(
        "ignore_index=-100", "ignore_index=-100, reduction='sum'"
    ),
}

SILENT = {
    "no target is ignored": "train(net(3), F.cross_entropy, three)",
    "half are ignored": "labels = three.clone()\nlabels[::2] = -100\n" + _LOOP,
    "one in eight is masked language": "labels = torch.full((256,), -100)\nlabels[::7] = three[::7]\n" + _LOOP,
}
