"""L07 at chance for long: scripts that must fire and that must not."""

FIRES = {
    "labels without any relation to the inputs": """
noise = torch.randint(0, 3, (256,))
model = nn.Linear(8, 3)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for step in range(300):
    x = torch.randn(32, 8)
    optimizer.zero_grad()
    F.cross_entropy(model(x), noise[torch.randint(0, 256, (32,))]).backward()
    optimizer.step()
""",
}

SILENT = {
    "a mixup of two losses": """
model = net(3)
optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
for epoch in range(30):
    for x, y in batches(three):
        other = torch.randperm(len(x))
        lam = float(torch.rand(()) ** 0.2)
        out = model(lam * x + (1 - lam) * x[other])
        optimizer.zero_grad()
        ce = F.cross_entropy
        (lam * ce(out, y) + (1 - lam) * ce(out, y[other])).backward()
        optimizer.step()
""",
    "it learns": "train(net(3), F.cross_entropy, three, epochs=30)",
    "too few steps to say so": "train(net(3), F.cross_entropy, torch.randint(0, 3, (256,)), epochs=3)",
    "warm-up": """
model = net(3)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
warm = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min(1.0, step / 250))
for epoch in range(30):
    for x, t in batches(three):
        optimizer.zero_grad()
        F.cross_entropy(model(x), t).backward()
        optimizer.step()
        warm.step()
""",
}
