"""E13 averaged weights, statistics of others: scripts that must fire and that must not."""

_AVERAGE = """
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn, update_bn

model = nn.Sequential(nn.Linear(8, 32, bias=False), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 3))
average = AveragedModel(modelHOW)
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for epoch in range(5):
    for x, y in batches(three):
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()
    average.update_parameters(model)
THEN
average.eval()
with torch.no_grad():
    average(X).argmax(1)
"""


def _script(how: str = "", then: str = "") -> str:
    return _AVERAGE.replace("HOW", how).replace("THEN", then)


_BY_HAND = """
import copy

model = nn.Sequential(nn.Linear(8, 32, bias=False), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 3))
MAKE
optimizer = torch.optim.Adam(OWNER.parameters(), lr=0.01)
for epoch in range(5):
    model.train()
    for x, y in batches(three):
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()
        with torch.no_grad():
            MOVE
    average.eval()
    with torch.no_grad():
        average(X).argmax(1)
"""
_COPY = "average = copy.deepcopy(model).requires_grad_(False)"
_FOLLOW = "[a.lerp_(p, 0.1) for a, p in zip(average.parameters(), model.parameters())]"


def _by_hand(move: str, make: str = _COPY, owner: str = "model") -> str:
    return _BY_HAND.replace("MAKE", make).replace("MOVE", move).replace("OWNER", owner)


FIRES = {
    "an average": _script(),
    "an average by hand": _by_hand(_FOLLOW),
    "an average by hand, from the second epoch on": _by_hand(f"epoch and {_FOLLOW}"),
}

ALSO = {"a copy that stays as it was": {"T15"}}
SILENT = {
    "update_bn": _script(then="update_bn(batches(three), average)"),
    "an average that forgets": _script(", multi_avg_fn=get_ema_multi_avg_fn(0.9)"),
    "buffers are averaged too": _script(", use_buffers=True"),
    "by hand, buffers are copied": _by_hand(
        f"{_FOLLOW}, [a.copy_(b) for a, b in zip(average.buffers(), model.buffers())]"
    ),
    "by hand, the whole state": _by_hand("average.load_state_dict(model.state_dict())"),
    "a copy that stays as it was": _by_hand("pass"),
    "normalisation is frozen": _by_hand("average[1].eval()", "average = model", "average"),
}
