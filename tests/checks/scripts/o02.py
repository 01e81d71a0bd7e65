"""O02 learning rate too high: scripts that must fire and that must not."""

FIRES = {
    "SGD at 50": """
model = net(1)
optimizer = torch.optim.SGD(model.parameters(), lr=3.0)
for epoch in range(6):
    for x, t in batches(amount):
        optimizer.zero_grad()
        F.mse_loss(model(x)[:, 0], t).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
""",
    "Adam at 1": "train(net(3), F.cross_entropy, three, epochs=8, lr=1.0)",
}

SILENT = {
    "Adam at 0.01": "train(net(3), F.cross_entropy, three)",
    "a high rate that learns": """
model = nn.Linear(8, 3)
optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
for epoch in range(6):
    for x, t in batches(three):
        optimizer.zero_grad()
        F.cross_entropy(model(x), t).backward()
        optimizer.step()
""",
    "nothing to learn": """
train(net(3), F.cross_entropy, torch.randint(0, 3, (256,)), epochs=8, lr=0.003)
""",
}
