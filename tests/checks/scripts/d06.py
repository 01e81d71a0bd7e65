"""D06 the augmentation repeats itself: scripts that must fire and that must not."""

_SCRIPT = """
import numpy as np


class Noisy(torch.utils.data.Dataset):
    def __init__(self):
        self.rng = np.random.RandomState(3)

    def __len__(self):
        return 256

    def __getitem__(self, i):
        NOISE
        return X[i] + noise, three[i]


model = net(3)
optimizer = torch.optim.Adam(model.parameters())
rows = DataLoader(Noisy(), batch_size=32, shuffle=True)
for epoch in range(3):
    for x, t in rows:
        optimizer.zero_grad()
        F.cross_entropy(model(x), t).backward()
        optimizer.step()
"""

FIRES = {
    "numpy's seed in each row": _SCRIPT.replace(
        "NOISE", "noise = torch.from_numpy(np.random.RandomState(3).normal(size=8)).float()"
    ),
    "a generator for each row": _SCRIPT.replace(
        "NOISE", "noise = torch.randn(8, generator=torch.Generator().manual_seed(3))"
    ),
}

SILENT = {
    "one generator for all rows": _SCRIPT.replace(
        "NOISE", "noise = torch.from_numpy(self.rng.normal(size=8)).float()"
    ),
    "each row has its own noise, on purpose": _SCRIPT.replace(
        "NOISE", "noise = torch.from_numpy(np.random.RandomState(i).normal(size=8)).float()"
    ),
    "no noise at all": _SCRIPT.replace("NOISE", "noise = 0.0"),
}
