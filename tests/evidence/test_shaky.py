"""Where training diverges with every second seed, a run ends in order and ships a model that trained."""

import pytest

import fakes
import luthier
from luthier.runs.best import read_best
from luthier.runs.folder import RunFolder


@pytest.mark.parametrize("seed", range(8))
def test_a_run_with_diverging_seeds_ends_in_order(tmp_path, seed):
    run = luthier.tune(fakes.task("shaky"), budget="82trials", workers=0, root=tmp_path, seed=seed)
    record = run.record
    assert record.status == "finished"
    assert any(t.status == "diverged" for t in record.history.trials)
    assert int(read_best(RunFolder(run.folder)).snapshot["step"]) == fakes.NUM_STEPS
    deciding = record.evidence[0]
    worst = record.facts.constant_score
    ends = [t for t in record.history.trials if t.phase == "final"]
    assert [s == worst for s in deciding.baseline] == [t.status == "diverged" for t in ends[0::2]]
