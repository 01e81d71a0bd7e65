"""O06 scaled gradients used as they are: scripts that must fire and that must not."""

_LOOP = """
model = net(3)
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
for epoch in range(2):
    for x, t in batches(three):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), t)
        scaler.scale(loss).backward()
"""

FIRES = {
    "clipped while scaled": _LOOP
    + """
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        scaler.step(optimizer)
        scaler.update()
""",
    "the optimizer steps by itself": _LOOP
    + """
        optimizer.step()
        scaler.update()
""",
}

FIRES |= {
    "backward of the loss itself": _LOOP.replace(
        "scaler.scale(loss).backward()", "scaler.scale(loss)\n        loss.backward()"
    )
    + """
        scaler.step(optimizer)
        scaler.update()
""",
}

SILENT = {
    "unscaled, then clipped": _LOOP
    + """
        scaler.unscale_(optimizer)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        scaler.step(optimizer)
        scaler.update()
""",
    "no clipping": _LOOP
    + """
        scaler.step(optimizer)
        scaler.update()
""",
    "the scaler is switched off": _LOOP.replace("init_scale=1024.0", "enabled=False")
    + """
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        scaler.step(optimizer)
        scaler.update()
""",
}
