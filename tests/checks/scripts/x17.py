"""X17 weights of another architecture: scripts that end with the crash, and their twins."""

FIRES = {
    "another width": "net(3).load_state_dict(net(4).state_dict())",
    "saved from DataParallel": """
weights = {"module." + name: value for name, value in net(3).state_dict().items()}
net(3).load_state_dict(weights)
""",
}
SILENT = {"the same architecture": "net(3).load_state_dict(net(3).state_dict())"}

ALSO = {"saved from DataParallel": {"T20"}}
