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

SILENT = {
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
