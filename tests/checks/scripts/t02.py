"""T02 gradients thrown away: scripts that must fire and that must not."""

FIRES = {
    "zero_grad for every micro-batch of an accumulation": """
model = net(3)
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for epoch in range(3):
    for i, (x, t) in enumerate(batches(three)):
        optimizer.zero_grad()
        (F.cross_entropy(model(x), t) / 4).backward()
        if (i + 1) % 4 == 0:
            optimizer.step()
""",
    "zero_grad between backward and step": """
model = net(3)
optimizer = torch.optim.Adam(model.parameters())
for epoch in range(3):
    for x, t in batches(three):
        loss = F.cross_entropy(model(x), t)
        loss.backward()
        optimizer.zero_grad()
        optimizer.step()
""",
    "the step stands outside the loop over batches": """
model = net(3)
optimizer = torch.optim.Adam(model.parameters())
for epoch in range(5):
    for x, t in batches(three):
        model.zero_grad()
        loss = F.cross_entropy(model(x), t)
        loss.backward()
    optimizer.step()
""",
}

_TASKS = """
class Two(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(8, 16), nn.ReLU())
        self.kind, self.size = nn.Linear(16, 3), nn.Linear(16, 1)

    def forward(self, x):
        h = self.body(x)
        return self.kind(h), self.size(h).squeeze(1)


model = Two()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for epoch in range(3):
    for rows in torch.randperm(256).split(32):
        optimizer.zero_grad()
        kind, size = model(X[rows])
        F.cross_entropy(kind, three[rows]).backward(retain_graph=True)
        BETWEEN
        F.mse_loss(size, amount[rows]).backward()
        optimizer.step()
"""
FIRES["cleared between the losses of two tasks"] = _TASKS.replace("BETWEEN", "optimizer.zero_grad()")

SILENT = {
    "the losses of two tasks": _TASKS.replace("BETWEEN", "pass"),
    "the gradients of two tasks are compared": _TASKS.replace(
        "BETWEEN", "first = [p.grad.clone() for p in model.body.parameters()]; optimizer.zero_grad()"
    ),
    "the usual loop": "train(net(3), F.cross_entropy, three)",
    "accumulation, a rest is left at the end of an epoch": """
model = net(3)
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for epoch in range(3):
    optimizer.zero_grad()
    for i, (x, t) in enumerate(batches(three)):
        (F.cross_entropy(model(x), t) / 3).backward()
        if (i + 1) % 3 == 0:
            optimizer.step()
            optimizer.zero_grad()
""",
    "a GAN clears the other net's gradients": """
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
    "the first pass only makes adversarial inputs": """
model = net(3)
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for x, t in batches(three):
    near = x.clone().requires_grad_()
    F.cross_entropy(model(near), t).backward()
    near = (near + 0.1 * near.grad.sign()).detach()
    optimizer.zero_grad()
    F.cross_entropy(model(near), t).backward()
    optimizer.step()
""",
    "two passes of sharpness-aware minimisation": """
model = net(3)
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for x, t in batches(three):
    F.cross_entropy(model(x), t).backward()
    with torch.no_grad():
        shifts = [0.05 * p.grad / (p.grad.norm() + 1e-12) for p in model.parameters()]
        for p, shift in zip(model.parameters(), shifts):
            p += shift
    optimizer.zero_grad()
    F.cross_entropy(model(x), t).backward()
    with torch.no_grad():
        for p, shift in zip(model.parameters(), shifts):
            p -= shift
    optimizer.step()
    optimizer.zero_grad()
""",
    "gradients are looked at before training": """
model = net(3)
for x, t in batches(three):
    model.zero_grad()
    F.cross_entropy(model(x), t).backward()
    importance = [p.grad.pow(2).sum().item() for p in model.parameters()]
train(model, F.cross_entropy, three)
""",
    "an update by hand": """
model = net(3)
for epoch in range(3):
    for x, t in batches(three):
        model.zero_grad()
        F.cross_entropy(model(x), t).backward()
        with torch.no_grad():
            for p in model.parameters():
                p -= 0.1 * p.grad
""",
}
