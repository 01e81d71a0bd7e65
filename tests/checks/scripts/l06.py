"""L06 the loss starts far above chance: scripts that must fire and that must not."""

FIRES = {
    "a head with huge weights": """
model = net(3)
nn.init.normal_(model[2].weight, std=30.0)
train(model, F.cross_entropy, three, lr=1e-5)
""",
    "a bias far off, two classes": """
model = net(1)
nn.init.constant_(model[2].bias, 40.0)
train(model, lambda out, t: F.binary_cross_entropy_with_logits(out[:, 0], t.float()), two, lr=1e-5)
""",
}

SILENT = {
    "usual initial values": "train(net(3), F.cross_entropy, three)",
    "sum reduction": "train(net(3), lambda out, t: F.cross_entropy(out, t, reduction='sum'), three, lr=1e-3)",
    "class weights": "train(net(3), nn.CrossEntropyLoss(weight=torch.tensor([9.0, 9.0, 9.0])), three)",
    "a bad start that is over in a few steps": """
model = net(3)
nn.init.constant_(model[2].bias[:1], 4.0)
train(model, F.cross_entropy, three, lr=0.1)
""",
}
