"""O11 the optimizer's memory is lost: scripts that must fire and that must not."""

_LOOP = """
    for x, t in batches(three):
        optimizer.zero_grad()
        F.cross_entropy(model(x), t).backward()
        optimizer.step()
"""

FIRES = {
    "built anew in every epoch": """
model = net(3)
for epoch in range(5):
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
"""
    + _LOOP,
    "built anew for every batch": """
model = net(3)
for epoch in range(2):
    for x, t in batches(three):
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
        optimizer.zero_grad()
        F.cross_entropy(model(x), t).backward()
        optimizer.step()
""",
}

SILENT = {
    "five folds": """
for fold in range(5):
    model = net(3)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
"""
    + _LOOP,
    "five folds that load the first weights again": """
model = net(3)
start = {k: v.clone() for k, v in model.state_dict().items()}
for fold in range(5):
    model.load_state_dict(start)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
"""
    + _LOOP,
    "plain SGD has nothing to lose": """
model = net(3)
for epoch in range(5):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1 * 0.5**epoch)
"""
    + _LOOP,
    "two stages": """
model = net(3)
for lr in (1e-2, 1e-3):
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
"""
    + _LOOP,
}
