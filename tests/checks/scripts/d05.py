"""D05 the same order in each epoch: scripts that must fire and that must not."""

_LOOP = """
model = net(3)
optimizer = torch.optim.Adam(model.parameters())
for epoch in range(4):
    for x, t in loader:
        optimizer.zero_grad()
        F.cross_entropy(model(x), t).backward()
        optimizer.step()
"""

FIRES = {
    "not shuffled": "loader = batches(three, shuffle=False)\n" + _LOOP,
    "not shuffled, sorted by label": """
order = three.argsort()
loader = DataLoader(TensorDataset(X[order], three[order]), batch_size=32)
"""
    + _LOOP,
    "set_epoch forgotten": """
from torch.utils.data import DistributedSampler

data = TensorDataset(X, three)
loader = DataLoader(data, batch_size=32, sampler=DistributedSampler(data, num_replicas=1, rank=0))
"""
    + _LOOP,
}

SILENT = {
    "shuffled": "loader = batches(three)\n" + _LOOP,
    "set_epoch called": """
from torch.utils.data import DistributedSampler

data = TensorDataset(X, three)
sampler = DistributedSampler(data, num_replicas=1, rank=0)
loader = DataLoader(data, batch_size=32, sampler=sampler)
"""
    + _LOOP.replace("    for x, t in loader", "    sampler.set_epoch(epoch)\n    for x, t in loader"),
    "one batch holds all rows": "loader = DataLoader(TensorDataset(X, three), batch_size=256)\n" + _LOOP,
    "one batch again and again (the overfit test)": "loader = [next(iter(batches(three)))]\n" + _LOOP,
    "an evaluation loader keeps its order": """
loader = batches(three)
"""
    + _LOOP
    + """
    with torch.no_grad():
        for x, t in batches(three, shuffle=False):
            model(x)
""",
}
