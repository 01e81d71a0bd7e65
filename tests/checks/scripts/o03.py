"""O03 learning rate too low: scripts that must fire and that must not."""

FIRES = {
    "Adam at 1e-8": "train(net(3), F.cross_entropy, three, epochs=20, lr=1e-8)",
    "SGD at 1e-6": """
model = net(3)
optimizer = torch.optim.SGD(model.parameters(), lr=1e-6)
for epoch in range(20):
    for x, t in batches(three):
        optimizer.zero_grad()
        F.cross_entropy(model(x), t).backward()
        optimizer.step()
""",
}

SILENT = {
    "Adam at 0.001": "train(net(3), F.cross_entropy, three, epochs=20, lr=0.001)",
    "a trained net is trained a little further": """
model = train(net(3), F.cross_entropy, three, epochs=20)
train(model, F.cross_entropy, three, epochs=15, lr=1e-8)
""",
    "a long warm-up": """
model = net(3)
optimizer = torch.optim.SGD(model.parameters(), lr=1e-2)
schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda s: s / 1e6)
for epoch in range(20):
    for x, t in batches(three):
        optimizer.zero_grad()
        F.cross_entropy(model(x), t).backward()
        optimizer.step()
        schedule.step()
""",
}
