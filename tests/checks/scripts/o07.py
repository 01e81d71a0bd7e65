"""O07 schedule in the wrong unit: scripts that must fire and that must not."""

_TOP = """
from torch.optim import lr_scheduler as S

model = net(3)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
schedule = MAKE
"""
_PER_BATCH = """
for epoch in range(EPOCHS):
    for x, t in batches(three):
        optimizer.zero_grad()
        F.cross_entropy(model(x), t).backward()
        optimizer.step()
        schedule.step()
"""
_PER_EPOCH = """
for epoch in range(EPOCHS):
    for x, t in batches(three):
        optimizer.zero_grad()
        F.cross_entropy(model(x), t).backward()
        optimizer.step()
    schedule.step()
"""


def _script(make: str, loop: str, epochs: int) -> str:
    return (_TOP.replace("MAKE", make) + loop).replace("EPOCHS", str(epochs))


FIRES = {
    "StepLR for epochs, stepped with every batch": _script("S.StepLR(optimizer, 10, gamma=0.1)", _PER_BATCH, 30),
    "ExponentialLR stepped with every batch": _script("S.ExponentialLR(optimizer, 0.9)", _PER_BATCH, 30),
    "MultiStepLR stepped with every batch": _script("S.MultiStepLR(optimizer, [15, 25], 0.1)", _PER_BATCH, 30),
    "cosine over epochs, stepped with every batch": _script("S.CosineAnnealingLR(optimizer, 30)", _PER_BATCH, 30),
    "one cycle over all batches, stepped once an epoch": _script(
        "S.OneCycleLR(optimizer, 0.5, total_steps=8 * 10)", _PER_EPOCH, 10
    ),
    "cosine over all batches, stepped once an epoch": _script(
        "S.CosineAnnealingLR(optimizer, T_max=10 * 8)", _PER_EPOCH, 10
    ),
}

SILENT = {
    "StepLR once an epoch": _script("S.StepLR(optimizer, 10, gamma=0.1)", _PER_EPOCH, 12),
    "StepLR in batches": _script("S.StepLR(optimizer, 100, gamma=0.1)", _PER_BATCH, 20),
    "cosine over all batches": _script("S.CosineAnnealingLR(optimizer, 80)", _PER_BATCH, 10),
    "one cycle over all batches": _script("S.OneCycleLR(optimizer, 0.5, total_steps=80)", _PER_BATCH, 10),
    "cosine over epochs": _script("S.CosineAnnealingLR(optimizer, 10)", _PER_EPOCH, 10),
    "warm restarts": _script("S.CosineAnnealingWarmRestarts(optimizer, 10)", _PER_BATCH, 10),
    "a cyclic rate": _script("S.CyclicLR(optimizer, 0.01, 0.1, step_size_up=5)", _PER_BATCH, 10),
    "a slow exponential decay with every batch": _script("S.ExponentialLR(optimizer, 0.995)", _PER_BATCH, 20),
    "a linear decay to nought over all batches": _script(
        "S.LambdaLR(optimizer, lambda s: max(0.0, 1 - s / 80))", _PER_BATCH, 10
    ),
    "warm-up, then cosine": _script(
        "S.SequentialLR(optimizer, [S.LinearLR(optimizer, 0.1, 1.0, 8), S.CosineAnnealingLR(optimizer, 72)], [8])",
        _PER_BATCH,
        10,
    ),
}
