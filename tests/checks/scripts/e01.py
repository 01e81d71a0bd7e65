"""E01 evaluation in training mode: scripts that must fire and that must not."""

_NET = """
model = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Dropout(0.5), nn.Linear(32, 3))
test = DataLoader(TensorDataset(torch.randn(128, 8), torch.randint(0, 3, (128,))), batch_size=16)
"""

FIRES = {
    "no eval() at all": _NET
    + """
train(model, F.cross_entropy, three)
with torch.no_grad():
    hits = sum((model(x).argmax(1) == t).sum().item() for x, t in test)
""",
    "train() stands before the evaluation of each epoch": _NET
    + """
optimizer = torch.optim.Adam(model.parameters())
for epoch in range(3):
    model.train()
    for x, t in batches(three):
        optimizer.zero_grad()
        F.cross_entropy(model(x), t).backward()
        optimizer.step()
    with torch.inference_mode():
        hits = sum((model(x).argmax(1) == t).sum().item() for x, t in test)
""",
    "batch normalisation without eval()": """
model = nn.Sequential(nn.Linear(8, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 3))
test = DataLoader(TensorDataset(torch.randn(128, 8), torch.randint(0, 3, (128,))), batch_size=16)
train(model, F.cross_entropy, three)
with torch.no_grad():
    for x, t in test:
        loss = F.cross_entropy(model(x), t)
""",
    "eval() and gradients both forgotten": _NET
    + """
train(model, F.cross_entropy, three)
hits = 0
for x, t in test:
    hits += (model(x).argmax(1) == t).sum().item()
""",
}

SILENT = {
    "eval() and train() in their places": _NET
    + """
optimizer = torch.optim.Adam(model.parameters())
for epoch in range(3):
    model.train()
    for x, t in batches(three):
        optimizer.zero_grad()
        F.cross_entropy(model(x), t).backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        hits = sum((model(x).argmax(1) == t).sum().item() for x, t in test)
""",
    "a net without such layers": """
train(net(3), F.cross_entropy, three)
model = net(3)
with torch.no_grad():
    for x, t in batches(three, shuffle=False):
        hits = (model(x).argmax(1) == t).sum()
""",
    "Monte-Carlo dropout: several passes of the same rows": _NET
    + """
train(model, F.cross_entropy, three)
model.eval()
for layer in model:
    if isinstance(layer, nn.Dropout):
        layer.train()
with torch.no_grad():
    for x, t in test:
        chances = torch.stack([model(x).softmax(1) for _ in range(10)]).mean(0)
""",
    "statistics of batch normalisation are re-estimated": """
model = nn.Sequential(nn.Linear(8, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 3))
train(model, F.cross_entropy, three)
model.train()
with torch.no_grad():
    for x, _ in batches(three):
        model(x)
model.eval()
with torch.no_grad():
    for x, t in batches(three):
        hits = (model(x).argmax(1) == t).sum()
""",
    "a generator draws for the discriminator's turn": """
maker = nn.Sequential(nn.Linear(4, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 8))
judge = nn.Sequential(nn.Linear(8, 32), nn.LeakyReLU(0.2), nn.Linear(32, 1))
make, tell = (torch.optim.Adam(m.parameters(), lr=1e-3) for m in (maker, judge))
bce = F.binary_cross_entropy_with_logits
for step in range(40):
    real = X[torch.randint(0, 256, (32,))]
    with torch.no_grad():
        false = maker(torch.randn(32, 4))
    tell.zero_grad()
    (bce(judge(real), torch.ones(32, 1)) + bce(judge(false), torch.zeros(32, 1))).backward()
    tell.step()
    make.zero_grad()
    bce(judge(maker(torch.randn(32, 4))), torch.ones(32, 1)).backward()
    make.step()
""",
    "a teacher under no_grad within a step": _NET
    + """
teacher = nn.Sequential(nn.Linear(8, 32), nn.Dropout(0.1), nn.Linear(32, 3))
optimizer = torch.optim.Adam(model.parameters())
for x, t in batches(three):
    with torch.no_grad():
        goal = teacher(x).softmax(1)
    optimizer.zero_grad()
    F.cross_entropy(model(x), goal).backward()
    optimizer.step()
""",
    "functional dropout that heeds the flag": """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(8, 32), nn.Linear(32, 3)

    def forward(self, x):
        return self.b(F.dropout(self.a(x).relu(), 0.5, self.training))


model = train(Net(), F.cross_entropy, three)
model.eval()
with torch.no_grad():
    for x, t in batches(three):
        model(x)
""",
}
