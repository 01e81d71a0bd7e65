"""T09 too few steps: scripts that must fire and that must not."""

FIRES = {
    "three epochs at a low rate": "train(net(3), F.cross_entropy, three, epochs=3, lr=3e-3)",
}

SILENT = {
    "it has come down": "train(net(3), F.cross_entropy, three, epochs=12, lr=0.02)",
    "more than a hundred steps": "train(net(3), F.cross_entropy, three, epochs=15, lr=3e-3)",
    "a trained net is trained a little further": """
known = {k: v.clone() for k, v in net(3).state_dict().items()}
model = net(3)
model.load_state_dict(known)
train(model, F.cross_entropy, three, epochs=3, lr=3e-3)
""",
}
