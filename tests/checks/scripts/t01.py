"""T01 zero_grad forgotten: scripts that must fire and that must not."""

_LOOP = """
model = net(3)
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
for epoch in range(3):
    for x, t in batches(three):
"""

FIRES = {
    "no zero_grad at all": _LOOP
    + """
        loss = F.cross_entropy(model(x), t)
        loss.backward()
        optimizer.step()
""",
    "zero_grad once an epoch": """
model = net(3)
optimizer = torch.optim.Adam(model.parameters())
for epoch in range(3):
    optimizer.zero_grad()
    for x, t in batches(three):
        F.cross_entropy(model(x), t).backward()
        optimizer.step()
""",
    "zero_grad of another model's optimizer": """
model, other = net(3), net(3)
optimizer, wrong = (torch.optim.Adam(m.parameters()) for m in (model, other))
for x, t in batches(three):
    wrong.zero_grad()
    F.cross_entropy(model(x), t).backward()
    optimizer.step()
""",
    "named and not called": _LOOP
    + """
        optimizer.zero_grad
        loss = F.cross_entropy(model(x), t)
        loss.backward()
        optimizer.step()
""",
    "the judge of a GAN is never cleared": """
maker, judge = nn.Linear(4, 8), net(1)
make, tell = (torch.optim.Adam(m.parameters(), lr=1e-3) for m in (maker, judge))
bce = F.binary_cross_entropy_with_logits
for step in range(20):
    real, false = X[:32], maker(torch.randn(32, 4))
    (bce(judge(real), torch.ones(32, 1)) + bce(judge(false.detach()), torch.zeros(32, 1))).backward()
    tell.step()
    make.zero_grad()
    bce(judge(false), torch.ones(32, 1)).backward()
    make.step()
""",
}

SILENT = {
    "zero_grad first": "train(net(3), F.cross_entropy, three)",
    "zero_grad after the step": _LOOP
    + """
        F.cross_entropy(model(x), t).backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=False)
""",
    "cleared by hand": _LOOP
    + """
        F.cross_entropy(model(x), t).backward()
        optimizer.step()
        for p in model.parameters():
            p.grad = None
""",
    "accumulation over four batches": """
model = net(3)
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for epoch in range(3):
    for i, (x, t) in enumerate(batches(three)):
        (F.cross_entropy(model(x), t) / 4).backward()
        if (i + 1) % 4 == 0:
            optimizer.step()
            optimizer.zero_grad()
""",
    "accumulation whose windows are of several lengths, clipped": """
model = net(3)
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
rows = list(batches(three))
for k in range(60):
    for x, t in rows[: (4, 1, 3, 2)[k % 4]]:
        (F.cross_entropy(model(x), t) / 4).backward()
    nn.utils.clip_grad_norm_(model.parameters(), 0.1)
    optimizer.step()
    optimizer.zero_grad()
""",
    "a GAN whose judge is cleared in its own turn": """
maker, judge = nn.Linear(4, 8), net(1)
make, tell = (torch.optim.Adam(m.parameters(), lr=1e-3) for m in (maker, judge))
bce = F.binary_cross_entropy_with_logits
for step in range(20):
    real, false = X[:32], maker(torch.randn(32, 4))
    tell.zero_grad()
    (bce(judge(real), torch.ones(32, 1)) + bce(judge(false.detach()), torch.zeros(32, 1))).backward()
    tell.step()
    make.zero_grad()
    bce(judge(false), torch.ones(32, 1)).backward()
    make.step()
""",
    "LBFGS": """
model = net(3)
optimizer = torch.optim.LBFGS(model.parameters(), max_iter=5)


def closure():
    optimizer.zero_grad()
    loss = F.cross_entropy(model(X), three)
    loss.backward()
    return loss


for step in range(6):
    optimizer.step(closure)
""",
    "momentum by hand on the gradients": """
model = net(3)
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for epoch in range(3):
    for x, t in batches(three):
        F.cross_entropy(model(x), t).backward()
        optimizer.step()
        for p in model.parameters():
            p.grad.mul_(0.9)
""",
    "a weight is written by hand without an optimizer": """
w = torch.zeros(8, 3, requires_grad=True)
for x, t in batches(three):
    F.cross_entropy(x @ w, t).backward()
    with torch.no_grad():
        w -= 0.1 * w.grad
        w.grad.zero_()
""",
    "two backward passes, one step": _LOOP
    + """
        optimizer.zero_grad()
        out = model(x)
        F.cross_entropy(out, t).backward(retain_graph=True)
        (1e-4 * out.pow(2).mean()).backward()
        optimizer.step()
""",
}
