"""D07 training rows in the validation set: scripts that must fire and that must not."""

_LOOP = """
model = net(3)
optimizer = torch.optim.Adam(model.parameters())
for epoch in range(3):
    model.train()
    for x, t in DataLoader(train_set, batch_size=32, shuffle=True):
        optimizer.zero_grad()
        F.cross_entropy(model(x), t).backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        for x, t in DataLoader(val_set, batch_size=32):
            hits = (model(x).argmax(1) == t).sum()
"""

FIRES = {
    "cuts that overlap": """
train_set, val_set = TensorDataset(X[:224], three[:224]), TensorDataset(X[192:], three[192:])
"""
    + _LOOP,
    "upsampled before the split": """
again = torch.cat([torch.arange(256), torch.randint(0, 256, (128,))])
again = again[torch.randperm(len(again))]
train_set, val_set = (TensorDataset(X[part], three[part]) for part in (again[:300], again[300:]))
"""
    + _LOOP,
}

FIRES |= {
    "one model in all folds": """
model = net(3)
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for held in torch.randperm(256).chunk(4):
    fit = torch.tensor(sorted({*range(256)} - {*held.tolist()}))
    model.train()
    for epoch in range(3):
        for rows in fit[torch.randperm(len(fit))].split(32):
            optimizer.zero_grad()
            F.cross_entropy(model(X[rows]), three[rows]).backward()
            optimizer.step()
    model.eval()
    with torch.no_grad():
        hits = (model(X[held]).argmax(1) == three[held]).sum()
""",
    "a validation loader of the training rows": """
train_set = val_set = TensorDataset(X, three)
"""
    + _LOOP.replace("DataLoader(val_set, batch_size=32)", "val_loader"),
}
FIRES["a validation loader of the training rows"] = FIRES["a validation loader of the training rows"].replace(
    "model = ", "val_loader = DataLoader(val_set, batch_size=32)\nmodel = ", 1
)

SILENT = {
    "a clean split": """
train_set, val_set = TensorDataset(X[:192], three[:192]), TensorDataset(X[192:], three[192:])
"""
    + _LOOP,
    "the training accuracy is measured on purpose": """
train_set, val_set = TensorDataset(X[:192], three[:192]), TensorDataset(X[192:], three[192:])
"""
    + _LOOP
    + """
    with torch.no_grad():
        for x, t in DataLoader(train_set, batch_size=32):
            hits = (model(x).argmax(1) == t).sum()
""",
    "few distinct rows (a table of yes and no)": """
coarse = (X > 0).float()
train_set, val_set = TensorDataset(coarse[:192], three[:192]), TensorDataset(coarse[192:], three[192:])
"""
    + _LOOP,
    "short texts, some of which are there several times": """
pool = torch.randint(0, 60, (300, 6))
often = torch.cat([pool[torch.randint(0, 6, (20,))], pool[torch.randperm(294)[:236] + 6]])
texts = often[torch.randperm(256)]
tags = (texts[:, 0] > 30).long()
train_set, val_set = TensorDataset(texts[:160], tags[:160]), TensorDataset(texts[160:], tags[160:])
"""
    + _LOOP.replace(
        "model = ", "net = lambda n: nn.Sequential(nn.Embedding(60, 8), nn.Flatten(), nn.Linear(48, n))\nmodel = ", 1
    ),
    "no evaluation": "train(net(3), F.cross_entropy, three)",
}
