"""D25 the sampler knows only the first rows: scripts that must fire and that must not."""

_LOOP = """
from torch.utils.data import SubsetRandomSampler, WeightedRandomSampler

share = torch.bincount(three) / len(three)
rows = DataLoader(TensorDataset(X, three), batch_size=32, sampler=SAMPLER)
model = net(3)
optimizer = torch.optim.Adam(model.parameters())
for epoch in range(2):
    for x, t in rows:
        optimizer.zero_grad()
        F.cross_entropy(model(x), t).backward()
        optimizer.step()
"""

FIRES = {"one weight a class": _LOOP.replace("SAMPLER", "WeightedRandomSampler(1 / share, len(three))")}

SILENT = {
    "one weight a row": _LOOP.replace("SAMPLER", "WeightedRandomSampler((1 / share)[three], len(three))"),
    "a subset on purpose": _LOOP.replace("SAMPLER", "SubsetRandomSampler(range(64))"),
}
