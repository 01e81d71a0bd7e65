"""E06 no validation rows, or the test rows choose: scripts that must fire and that must not."""

_LOOP = """
import io

model = net(3)
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
held = DataLoader(TensorDataset(X[192:], three[192:]), batch_size=32)
tests = DataLoader(TensorDataset(torch.randn(64, 8), torch.randint(0, 3, (64,))), batch_size=32)


def accuracy(loader):
    model.eval()
    with torch.no_grad():
        hits = sum((model(x).argmax(1) == t).sum().item() for x, t in loader)
    model.train()
    return hits / len(loader.dataset)


best = 0
for epoch in range(5):
    for x, t in batches(three[:192], X[:192]):
        optimizer.zero_grad()
        F.cross_entropy(model(x), t).backward()
        optimizer.step()
    now = accuracy(CHOOSE)
    if now > best:
        best = now
        torch.save(model.state_dict(), io.BytesIO())
print(accuracy(REPORT))
"""

FIRES = {"the rows that choose also report": _LOOP.replace("CHOOSE", "tests").replace("REPORT", "tests")}
SILENT = {
    "validation rows choose, test rows report": _LOOP.replace("CHOOSE", "held").replace("REPORT", "tests"),
    "nothing is chosen": """
model = train(net(3), F.cross_entropy, three)
with torch.no_grad():
    for x, t in batches(three):
        model(x)
""",
}
