"""E17 no result can become the best: scripts that must fire and that must not."""

_LOOP = """
import copy

model = net(3)
optimizer = torch.optim.Adam(model.parameters())
BEGIN
kept = copy.deepcopy(model.state_dict())
for epoch in range(3):
    for x, t in batches(three):
        optimizer.zero_grad()
        F.cross_entropy(model(x), t).backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        val_loss = F.cross_entropy(model(X), three).item()
        accuracy = (model(X).argmax(1) == three).float().mean().item()
    model.train()
    if TEST:
        KEEP
        kept = copy.deepcopy(model.state_dict())
model.load_state_dict(kept)
"""


def _script(begin: str, test: str, keep: str) -> str:
    return _LOOP.replace("BEGIN", begin).replace("TEST", test).replace("KEEP", keep)


FIRES = {
    "a loss that starts at 0": _script("best = 0.0", "val_loss < best", "best = val_loss"),
    "the other way round": _script("best_loss = 0", "best_loss > val_loss", "best_loss = val_loss"),
    "a score that starts at infinity": _script("best = float('inf')", "accuracy > best", "best = accuracy"),
}

SILENT = {
    "a loss that starts at infinity": _script("best = float('inf')", "val_loss < best", "best = val_loss"),
    "a score that starts at 0": _script("best = 0.0", "accuracy > best", "best = accuracy"),
    "a negative score that is lowered": _script("best = 0", "-accuracy < best", "best = -accuracy"),
    "set elsewhere as well": _script("best = 0.0\nbest = 10.0", "val_loss < best", "best = val_loss"),
}
