"""E07 best weights are an alias: scripts that must fire and that must not."""

_LOOP = """
import copy

model = net(3)
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
best, kept = float("inf"), None
for epoch in range(5):
    model.train()
    for x, t in batches(three):
        optimizer.zero_grad()
        F.cross_entropy(model(x), t).backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        loss = F.cross_entropy(model(X), three).item()
    if loss < best:
        best = loss
        KEEP
"""

FIRES = {
    "kept by reference, loaded at the end": _LOOP.replace("KEEP", "kept = model.state_dict()")
    + "model.load_state_dict(kept)\n",
    "a shallow copy": _LOOP.replace("KEEP", "kept = dict(model.state_dict())") + "model.load_state_dict(kept)\n",
    "kept by reference, saved at the end": _LOOP.replace("KEEP", "kept = model.state_dict()")
    + "import io\ntorch.save(kept, io.BytesIO())\n",
    "a method copy() of the dictionary": _LOOP.replace("KEEP", "kept = model.state_dict().copy()")
    + "model.load_state_dict(kept)\n",
}

_BEST = _LOOP.replace("KEEP", "kept = model")
FIRES["a second name of the model"] = _BEST + "hits = (kept.eval()(X).argmax(1) == three).sum()\n"

SILENT = {
    "the best of several models": """
kept, best = None, float("inf")
for width in (8, 16, 32):
    model = nn.Sequential(nn.Linear(8, width), nn.ReLU(), nn.Linear(width, 3))
    train(model, F.cross_entropy, three, epochs=1)
    loss = F.cross_entropy(model(X), three).item()
    if loss < best:
        best, kept = loss, model
        best_model = model
""",
    "deepcopy": _LOOP.replace("KEEP", "kept = copy.deepcopy(model.state_dict())") + "model.load_state_dict(kept)\n",
    "clones": _LOOP.replace("KEEP", "kept = {k: v.clone() for k, v in model.state_dict().items()}")
    + "model.load_state_dict(kept)\n",
    "saved at once": _LOOP.replace("KEEP", "import io; torch.save(model.state_dict(), io.BytesIO())"),
    "weights handed to another model at once": _LOOP.replace("KEEP", "pass")
    + "other = net(3)\nother.load_state_dict(model.state_dict())\n",
    "target network of reinforcement learning": """
model, target = net(3), net(3)
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for step, (x, t) in enumerate(list(batches(three)) * 3):
    optimizer.zero_grad()
    F.mse_loss(model(x), target(x).detach()).backward()
    optimizer.step()
    if step % 5 == 0:
        target.load_state_dict(model.state_dict())
""",
    "moving average of the weights": """
model, average = net(3), net(3)
average.load_state_dict(model.state_dict())
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for x, t in list(batches(three)) * 3:
    optimizer.zero_grad()
    F.cross_entropy(model(x), t).backward()
    optimizer.step()
    with torch.no_grad():
        for name, value in model.state_dict().items():
            average.state_dict()[name].lerp_(value, 0.1)
""",
}
