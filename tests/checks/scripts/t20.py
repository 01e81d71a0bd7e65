"""T20 nothing was loaded: scripts that must fire and that must not."""

_LOAD = """
old = train(net(3), F.cross_entropy, three, epochs=2)
state = {PREFIX + k: v for k, v in old.state_dict().items()}
model = net(3)
model.load_state_dict(state, strict=False)
train(model, F.cross_entropy, three, epochs=2)
"""
FIRES = {"a prefix": _LOAD.replace("PREFIX", '"module."')}

SILENT = {
    "the names fit": _LOAD.replace("PREFIX", '""'),
    "another head": _LOAD.replace("PREFIX", '""').replace("state, strict", "{**state, 'extra': X}, strict"),
}
