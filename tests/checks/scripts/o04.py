"""O04 the learning rate is not what was meant: scripts that must fire and that must not."""

_TOP = """
model = net(3)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
"""
_LOOP = """
for epoch in range(10):
    for x, t in batches(three):
        optimizer.zero_grad()
        F.cross_entropy(model(x), t).backward()
        optimizer.step()
"""

FIRES = {
    "a scheduler that is never stepped": _TOP + "schedule = torch.optim.lr_scheduler.StepLR(optimizer, 3)\n" + _LOOP,
    "the learning rate is set where nobody reads it": _TOP + _LOOP + "    optimizer.lr = 0.1 * 0.5**epoch\n",
    "the scheduler holds an older optimizer": _TOP
    + "schedule = torch.optim.lr_scheduler.StepLR(optimizer, 3)\n"
    + "optimizer = torch.optim.SGD(model.parameters(), lr=0.1)\n"
    + _LOOP
    + "    schedule.step()\n",
}

_ACCURACY = """
    with torch.no_grad():
        schedule.step((model(X).argmax(1) == three).float().mean().item())
"""
FIRES["the accuracy is awaited to fall"] = (
    _TOP + "schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=1)\n" + _LOOP + _ACCURACY
)
FIRES["built anew in every epoch"] = (
    _TOP
    + _LOOP.replace(
        "    for x,", "    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.99)\n    for x,"
    )
    + "        schedule.step()\n"
)

SILENT = {
    "the accuracy is awaited to rise": _TOP
    + "schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, 'max', patience=1)\n"
    + _LOOP
    + _ACCURACY,
    "stepped each epoch": _TOP
    + "schedule = torch.optim.lr_scheduler.StepLR(optimizer, 3)\n"
    + _LOOP
    + "    schedule.step()\n",
    "on a plateau": _TOP
    + "schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer)\n"
    + _LOOP
    + "    schedule.step(1.0 / (epoch + 1))\n",
    "set in the groups": _TOP
    + _LOOP
    + """
    for group in optimizer.param_groups:
        group["lr"] = 0.1 * 0.5**epoch
""",
}
