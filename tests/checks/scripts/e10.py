"""E10 overfitting: scripts that must fire and that must not."""

_LOOP = """
few, other = torch.randn(32, 8), torch.randn(512, 8)
w = torch.randn(8, 3)
noisy = (few @ w + 3 * torch.randn(32, 3)).argmax(1)
held = (other @ w + 3 * torch.randn(512, 3)).argmax(1)
model = nn.Sequential(nn.Linear(8, 256), nn.ReLU(), nn.Linear(256, 3))
optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
for epoch in range(EPOCHS):
    model.train()
    for x, t in DataLoader(TensorDataset(few, noisy), batch_size=8, shuffle=True):
        optimizer.zero_grad()
        F.cross_entropy(model(x), t).backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        loss = F.cross_entropy(model(other), held)
"""

FIRES = {"far too long on few noisy rows": _LOOP.replace("EPOCHS", "40")}
SILENT = {
    "stopped early": _LOOP.replace("EPOCHS", "2"),
    "held-out loss falls": """
model = net(3)
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
other = torch.randn(256, 8)
for epoch in range(8):
    for x, t in batches(three):
        optimizer.zero_grad()
        F.cross_entropy(model(x), t).backward()
        optimizer.step()
    with torch.no_grad():
        F.cross_entropy(model(X[:64]), three[:64])
""",
}
