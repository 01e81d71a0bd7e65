"""D10 batches of a single class: scripts that must fire and that must not."""

_SORTED = """
order = three.argsort()
sorted_rows, sorted_labels = X[order], three[order]
model = net(3)
optimizer = torch.optim.Adam(model.parameters())
for epoch in range(3):
    for x, t in DataLoader(TensorDataset(sorted_rows, sorted_labels), batch_size=8, shuffle=SHUFFLE):
        optimizer.zero_grad()
        F.cross_entropy(model(x), t).backward()
        optimizer.step()
"""
FIRES = {"sorted by label": _SORTED.replace("SHUFFLE", "False")}
SILENT = {
    "shuffled": _SORTED.replace("SHUFFLE", "True"),
    "a rare class": """
rare = (torch.arange(256) % 32 == 0).long()
train(net(2), F.cross_entropy, rare)
""",
    "real and false in turns (a GAN)": """
model = net(2)
optimizer = torch.optim.Adam(model.parameters())
for x, _ in list(batches(three)) * 4:
    optimizer.zero_grad()
    F.cross_entropy(model(x), torch.ones(len(x), dtype=torch.long)).backward()
    F.cross_entropy(model(torch.randn(len(x), 8)), torch.zeros(len(x), dtype=torch.long)).backward()
    optimizer.step()
""",
}
