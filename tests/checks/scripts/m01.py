"""M01 a layer that is never used: scripts that must fire and that must not."""

FIRES = {
    "a layer that forward forgets": """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.c = nn.Linear(8, 32), nn.Linear(32, 32), nn.Linear(32, 3)

    def forward(self, x):
        return self.c(self.a(x).relu())


train(Net(), F.cross_entropy, three)
""",
    "experts that were never chosen": """
class Experts(nn.Module):
    def __init__(self):
        super().__init__()
        self.all = nn.ModuleList(nn.Linear(8, 3) for _ in range(4))

    def forward(self, x):
        return self.all[0 if x[0, 0] > 0 else 1 if x[0, 1] > 0 else 2](x)


train(Experts(), F.cross_entropy, three, epochs=12)
""",
    "detach cuts the body off": """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.c = nn.Linear(8, 32), nn.Linear(32, 3)

    def forward(self, x):
        return self.c(self.a(x).relu().detach())


train(Net(), F.cross_entropy, three)
""",
}
SILENT = {
    "all are used": "train(net(3), F.cross_entropy, three)",
    "two heads by turns": """
body, one, other = nn.Linear(8, 8), nn.Linear(8, 3), nn.Linear(8, 3)
optimizer = torch.optim.Adam([*body.parameters(), *one.parameters(), *other.parameters()])
for step, (x, t) in enumerate(list(batches(three)) * 4):
    head = other if step == 20 else one
    optimizer.zero_grad()
    F.cross_entropy(head(body(x)), t).backward()
    optimizer.step()
""",
    "a frozen body": """
model = net(3)
model[0].requires_grad_(False)
train(model, F.cross_entropy, three)
""",
}
