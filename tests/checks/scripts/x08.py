"""X08 nothing to differentiate: scripts that end with the crash, and their twins."""

FIRES = {
    "the loss is made again from a number": """
train(net(3), lambda out, t: torch.tensor(F.cross_entropy(out, t).item()), three)
""",
    "argmax before the loss": """
train(net(3), lambda out, t: F.mse_loss(out.argmax(1).float(), t.float()), three)
""",
    "under no_grad": """
model = net(3)
with torch.no_grad():
    loss = F.cross_entropy(model(X), three)
loss.backward()
""",
    "all frozen": """
model = net(3)
model.requires_grad_(False)
F.cross_entropy(model(X), three).backward()
""",
    "detached": "train(net(3), lambda out, t: F.cross_entropy(out.detach(), t), three)",
}

ALSO = {
    "under no_grad": {"T06"},
}
SILENT = {"a loss with a graph": "train(net(3), F.cross_entropy, three)"}
