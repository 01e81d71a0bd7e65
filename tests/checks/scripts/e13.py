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


FIRES = {"an average": _script()}

SILENT = {
    "update_bn": _script(then="update_bn(batches(three), average)"),
    "an average that forgets": _script(", multi_avg_fn=get_ema_multi_avg_fn(0.9)"),
    "buffers are averaged too": _script(", use_buffers=True"),
}
