"""O01 optimizer and model disagree: scripts that must fire and that must not."""

_LOOP = """
for epoch in range(3):
    for x, t in batches(three):
        optimizer.zero_grad()
        F.cross_entropy(model(x), t).backward()
        optimizer.step()
"""

FIRES = {
    "the last layer is replaced after the optimizer was built": """
model = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 10))
optimizer = torch.optim.Adam(model.parameters())
model[2] = nn.Linear(32, 3)
"""
    + _LOOP,
    "a group is made and not handed over": """
class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.head = nn.Linear(8, 32), nn.Linear(32, 3)

    def forward(self, x):
        return self.head(self.body(x).relu())


model = Tagger()
groups = [{"params": model.body.parameters(), "lr": 1e-3}]
head = {"params": model.head.parameters(), "lr": 1e-2}
optimizer = torch.optim.Adam(groups)
"""
    + _LOOP,
    "the optimizer belongs to another copy": """
import copy

first = net(3)
optimizer = torch.optim.Adam(first.parameters())
model = copy.deepcopy(first)
"""
    + _LOOP,
    "the model is built again": """
model = net(3)
optimizer = torch.optim.Adam(model.parameters())
model = net(3)
"""
    + _LOOP,
}

FIRES["the module is frozen in name only"] = (
    """
model = net(3)
for layer in list(model.children())[:1]:
    layer.requires_grad = False
optimizer = torch.optim.Adam(model.parameters())
"""
    + _LOOP
)

SILENT = {
    "the module is frozen": """
model = net(3)
for layer in list(model.children())[:1]:
    layer.requires_grad_(False)
optimizer = torch.optim.Adam(model.parameters())
"""
    + _LOOP,
    "the usual loop": "train(net(3), F.cross_entropy, three)",
    "a frozen trunk, all parameters handed over": """
model = net(3)
for p in model[0].parameters():
    p.requires_grad_(False)
optimizer = torch.optim.Adam(model.parameters())
"""
    + _LOOP,
    "only the head of a loaded net is trained": """
known = {k: v.clone() for k, v in net(3).state_dict().items()}
model = net(3)
model.load_state_dict(known)
optimizer = torch.optim.Adam(model[2].parameters())
"""
    + _LOOP,
    "first the head, then all": """
model = net(3)
optimizer = torch.optim.Adam(model.parameters())
"""
    + _LOOP
    + "optimizer = torch.optim.Adam(model[2].parameters())\n"
    + _LOOP,
    "two optimizers share the model": """
model = net(3)
first, second = torch.optim.Adam(model[0].parameters()), torch.optim.SGD(model[2].parameters(), lr=0.1)
for x, t in batches(three):
    first.zero_grad(), second.zero_grad()
    F.cross_entropy(model(x), t).backward()
    first.step(), second.step()
""",
    "a target net that only follows": """
import copy

model, target = net(1), net(1)
target.load_state_dict(model.state_dict())
optimizer = torch.optim.Adam(model.parameters())
for x, t in batches(amount):
    with torch.no_grad():
        goal = 0.9 * target(x) + t[:, None]
    optimizer.zero_grad()
    F.mse_loss(model(x), goal).backward()
    optimizer.step()
    with torch.no_grad():
        for p, q in zip(target.parameters(), model.parameters()):
            p.lerp_(q, 0.05)
""",
    "a fixed net judges the output and is in the graph": """
judge, model = net(3), nn.Linear(8, 8)
optimizer = torch.optim.Adam(model.parameters())
for epoch in range(3):
    for x, t in batches(three):
        optimizer.zero_grad()
        F.cross_entropy(judge(model(x)), t).backward()
        optimizer.step()
""",
    "a learned temperature outside the model": """
model = net(3)
scale = torch.ones((), requires_grad=True)
optimizer = torch.optim.Adam([*model.parameters(), scale])
for x, t in batches(three):
    optimizer.zero_grad()
    F.cross_entropy(model(x) * scale, t).backward()
    optimizer.step()
""",
    "no optimizer, updates by hand": """
model = net(3)
for x, t in batches(three):
    model.zero_grad()
    F.cross_entropy(model(x), t).backward()
    with torch.no_grad():
        for p in model.parameters():
            p -= 0.1 * p.grad
""",
    "five folds": """
for fold in range(5):
    train(net(3), F.cross_entropy, three, epochs=1)
""",
    "inner steps of meta-learning by autograd.grad": """
model = net(3)
optimizer = torch.optim.Adam(model.parameters())
for x, t in batches(three):
    weights = dict(model.named_parameters())
    inner = F.cross_entropy(torch.func.functional_call(model, weights, x), t)
    grads = torch.autograd.grad(inner, list(weights.values()), create_graph=True)
    fast = {k: w - 0.1 * g for (k, w), g in zip(weights.items(), grads)}
    optimizer.zero_grad()
    F.cross_entropy(torch.func.functional_call(model, fast, x), t).backward()
    optimizer.step()
""",
    "tied weights": """
class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.out = nn.Linear(8, 8), nn.Linear(8, 8), nn.Linear(8, 3)
        self.b.weight = self.a.weight

    def forward(self, x):
        return self.out(self.b(self.a(x).relu()).relu())


train(Tied(), F.cross_entropy, three)
""",
}
