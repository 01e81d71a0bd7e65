"""X16 a tensor of the graph taken out of torch: scripts that end with the crash, and their twins."""

FIRES = {"numpy()": "outputs = net(3)(X).numpy()"}
SILENT = {"detached": "outputs = net(3)(X).detach().numpy()"}
