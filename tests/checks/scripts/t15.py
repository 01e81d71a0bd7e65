"""T15 another model is evaluated than was trained: scripts that must fire and that must not."""

_LOOP = """
optimizer = torch.optim.Adam(model.parameters())
for epoch in range(3):
    for x, t in batches(three):
        optimizer.zero_grad()
        F.cross_entropy(model(x), t).backward()
        optimizer.step()
"""

FIRES = {
    "the copy was made before the training": """
import copy

model = net(3)
best = copy.deepcopy(model)
"""
    + _LOOP
    + """
best.eval()
with torch.no_grad():
    for x, t in batches(three):
        hits = (best(x).argmax(1) == t).sum()
""",
}

SILENT = {
    "the weights are loaded into a new model": "model = net(3)\n"
    + _LOOP
    + """
fresh = net(3)
fresh.load_state_dict(model.state_dict())
fresh.eval()
with torch.no_grad():
    hits = (fresh(X).argmax(1) == three).sum()
""",
    "a copy after the training": "import copy\n\nmodel = net(3)\n"
    + _LOOP
    + """
best = copy.deepcopy(model).eval()
with torch.no_grad():
    hits = (best(X).argmax(1) == three).sum()
""",
    "an average of weights": """
import copy

model = net(3)
average = copy.deepcopy(model)
"""
    + _LOOP
    + """
        with torch.no_grad():
            for p, q in zip(average.parameters(), model.parameters()):
                p.lerp_(q, 0.1)
with torch.no_grad():
    hits = (average(X).argmax(1) == three).sum()
""",
    "an untrained net for comparison": "model, fresh = net(3), net(3)\n"
    + _LOOP
    + """
with torch.no_grad():
    for one in (model, fresh):
        hits = (one(X).argmax(1) == three).sum()
""",
    "a teacher": """
teacher = net(3)
model = net(3)
optimizer = torch.optim.Adam(model.parameters())
for epoch in range(3):
    for x, t in batches(three):
        with torch.no_grad():
            goal = teacher(x).softmax(1)
        optimizer.zero_grad()
        F.cross_entropy(model(x), goal).backward()
        optimizer.step()
with torch.no_grad():
    hits = (model(X).argmax(1) == three).sum()
""",
}
