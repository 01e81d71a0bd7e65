"""T17 the optimizer never steps: scripts that must fire and that must not."""

FIRES = {
    "no step at all": """
model = net(3)
optimizer = torch.optim.Adam(model.parameters())
for epoch in range(3):
    for x, t in batches(three):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), t)
        loss.backward()
""",
    "named and not called": """
model = net(3)
optimizer = torch.optim.Adam(model.parameters())
for epoch in range(3):
    for x, t in batches(three):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), t)
        loss.backward()
        optimizer.step
""",
    "the scheduler steps, the optimizer does not": """
model = net(3)
optimizer = torch.optim.Adam(model.parameters())
schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda s: 1.0)
for epoch in range(3):
    for x, t in batches(three):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), t)
        loss.backward()
        schedule.step()
""",
}

#: torch warns that the scheduler went first, and it is right.
ALSO = {"the scheduler steps, the optimizer does not": {"O04"}}

SILENT = {
    "the usual loop": "train(net(3), F.cross_entropy, three)",
    "an optimizer that is not used yet": """
model = net(3)
later = torch.optim.SGD(model.parameters(), lr=0.1)
train(model, F.cross_entropy, three)
""",
    "an update by hand without an optimizer": """
model = net(3)
for x, t in batches(three):
    model.zero_grad()
    F.cross_entropy(model(x), t).backward()
    with torch.no_grad():
        for p in model.parameters():
            p -= 0.1 * p.grad
""",
}
