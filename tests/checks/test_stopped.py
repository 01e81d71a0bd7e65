"""What is said of a program that was stopped before its end, where its sources tell what was still to come."""

import pytest

from checks import watched
from checks.scripts.prelude import PRELUDE
from luthier.checks.spec import checks

pytestmark = pytest.mark.slow
SCHEDULE = """
rows = DataLoader(TensorDataset(X, three), batch_size=32, shuffle=True)
epochs = 12
model = net(3)
optimizer = torch.optim.Adam(model.parameters())
schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=TOTAL)
for epoch in range(3):  # of 12: here it was stopped
    for x, t in rows:
        optimizer.zero_grad()
        F.cross_entropy(model(x), t).backward()
        optimizer.step()
    schedule.step()
"""
STOPPING = """
import copy

model = net(3)
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
best, kept = float("inf"), None
for epoch in range(3):
    for x, t in batches(three):
        optimizer.zero_grad()
        F.cross_entropy(model(x), t).backward()
        optimizer.step()
    with torch.no_grad():
        loss = F.cross_entropy(model(X), three).item()
    if loss < best:
        best = loss
        kept = STATE
"""


def said(code, script, tmp_path):
    """The findings of one check on a script, as if its end had not been seen."""
    file = tmp_path / "train.py"
    file.write_text(PRELUDE + script)
    trace = watched.run(str(file))
    trace.stopped = "24 training steps were seen"
    return [finding.code for finding in checks()[code].judge(trace)]


@pytest.mark.parametrize(("total", "codes"), [("epochs * len(rows)", ["O07"]), ("12", []), ("96", [])])
def test_a_schedule_of_all_batches_that_is_stepped_once_an_epoch(total, codes, tmp_path):
    """It is said before the end where the source counts batches, and not where a number may count anything."""
    assert said("O07", SCHEDULE.replace("TOTAL", total), tmp_path) == codes


@pytest.mark.parametrize(
    ("state", "codes"), [("model.state_dict()", ["E07"]), ("copy.deepcopy(model.state_dict())", [])]
)
def test_a_state_that_is_kept_for_later(state, codes, tmp_path):
    """Live weights that are kept as the best are named though they were not used yet; a copy is not."""
    assert said("E07", STOPPING.replace("STATE", state), tmp_path) == codes
