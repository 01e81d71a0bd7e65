"""T05 the step changes nothing: scripts that must fire and that must not."""

_LOOP = """
model = net(3)
optimizer = MAKE
for epoch in range(2):
    for x, t in batches(three):
        optimizer.zero_grad()
        F.cross_entropy(model(x), t).backward()
        optimizer.step()
"""

FIRES = {
    "a learning rate of nought": _LOOP.replace("MAKE", "torch.optim.SGD(model.parameters(), lr=0.0)"),
    "a learning rate below the spacing of numbers": _LOOP.replace(
        "MAKE", "torch.optim.SGD(model.parameters(), lr=1e-12)"
    ),
    "an own optimizer that works on copies": """
class Own(torch.optim.Optimizer):
    def __init__(self, params, lr):
        super().__init__(params, {"lr": lr})

    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                q = p.detach().clone()
                q -= group["lr"] * p.grad


"""
    + _LOOP.replace("MAKE", "Own(model.parameters(), lr=0.1)"),
}

SILENT = {
    "the usual loop": "train(net(3), F.cross_entropy, three)",
    "a warm-up that begins at nought": """
model = net(3)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda s: min(1.0, s / 10))
for epoch in range(3):
    for x, t in batches(three):
        optimizer.zero_grad()
        F.cross_entropy(model(x), t).backward()
        optimizer.step()
        schedule.step()
""",
    "one group is held by a learning rate of nought": """
model = net(3)
optimizer = torch.optim.SGD([{"params": model[0].parameters(), "lr": 0.0}, {"params": model[2].parameters()}], lr=0.1)
for epoch in range(2):
    for x, t in batches(three):
        optimizer.zero_grad()
        F.cross_entropy(model(x), t).backward()
        optimizer.step()
""",
    "an own optimizer that acts on every fourth call": """
class Slow(torch.optim.SGD):
    calls = 0

    def step(self, closure=None):
        self.calls += 1
        if self.calls % 4 == 0:
            return super().step(closure)


"""
    + _LOOP.replace("MAKE", "Slow(model.parameters(), lr=0.1)"),
}
