"""N04 weights too coarse for their steps: scripts that must fire and that must not."""

FIRES = {
    "bfloat16 weights and small steps": """
model = net(3).bfloat16()
train(model, lambda out, t: F.cross_entropy(out.float(), t), three, X=X.bfloat16(), lr=1e-5, epochs=10)
""",
}
SILENT = {
    "float32": "train(net(3), F.cross_entropy, three, lr=1e-5)",
    "bfloat16 by autocast": """
def loss_of(out, t):
    return F.cross_entropy(out.float(), t)


model = net(3)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-5)
for x, t in batches(three):
    with torch.autocast("cpu", torch.bfloat16):
        loss = F.cross_entropy(model(x), t)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
""",
}
