"""T14 the data set is changed in place: scripts that must fire and that must not."""

FIRES = {
    "divided again in every epoch": """
images = torch.randint(0, 256, (256, 8)).float()
model = net(3)
optimizer = torch.optim.Adam(model.parameters())
for epoch in range(5):
    images /= 255
    for i in range(0, 256, 32):
        optimizer.zero_grad()
        F.cross_entropy(model(images[i : i + 32]), three[i : i + 32]).backward()
        optimizer.step()
""",
    "the data set scales its own rows": """
class Rows(torch.utils.data.Dataset):
    def __init__(self):
        self.x = X.clone() * 10

    def __len__(self):
        return 256

    def __getitem__(self, i):
        return self.x[i].div_(10), three[i]


rows = Rows()
model = net(3)
optimizer = torch.optim.Adam(model.parameters())
for epoch in range(5):
    for x, t in DataLoader(rows, batch_size=32, shuffle=True):
        optimizer.zero_grad()
        F.cross_entropy(model(x), t).backward()
        optimizer.step()
""",
}
FIRES["an array is normalised in place"] = """
class Rows(torch.utils.data.Dataset):
    def __init__(self):
        self.x = X.numpy() * 10 + 5

    def __len__(self):
        return 256

    def __getitem__(self, i):
        row = self.x[i]
        row -= 5
        row /= 10
        return torch.from_numpy(row), three[i]


rows = DataLoader(Rows(), batch_size=32, shuffle=True)
model = net(3)
optimizer = torch.optim.Adam(model.parameters())
for epoch in range(4):
    for x, t in rows:
        optimizer.zero_grad()
        F.cross_entropy(model(x), t).backward()
        optimizer.step()
"""

SILENT = {
    "the usual loop": "train(net(3), F.cross_entropy, three)",
    "a batch is scaled in place": """
model = net(3)
optimizer = torch.optim.Adam(model.parameters())
for epoch in range(5):
    for x, t in batches(three):
        x.div_(10)
        optimizer.zero_grad()
        F.cross_entropy(model(x), t).backward()
        optimizer.step()
""",
    "a curriculum of growing noise": """
model = net(3)
optimizer = torch.optim.Adam(model.parameters())
for epoch in range(5):
    for x, t in batches(three):
        optimizer.zero_grad()
        F.cross_entropy(model(x + epoch * 0.1 * torch.randn_like(x)), t).backward()
        optimizer.step()
""",
}

_NOISE = """
class Rows(torch.utils.data.Dataset):
    def __init__(self):
        self.x = X.numpy().copy()

    def __len__(self):
        return 256

    def __getitem__(self, i):
        row = torch.from_numpy(self.x[i])COPY
        row += 0.1 * torch.randn(8)
        return row, three[i]


rows = DataLoader(Rows(), batch_size=32, shuffle=True)
model = net(3)
optimizer = torch.optim.Adam(model.parameters())
for epoch in range(4):
    for x, t in rows:
        optimizer.zero_grad()
        F.cross_entropy(model(x), t).backward()
        optimizer.step()
"""
FIRES["noise is added to the data themselves"] = _NOISE.replace("COPY", "")
SILENT["noise is added to a copy"] = _NOISE.replace("COPY", ".clone()")
