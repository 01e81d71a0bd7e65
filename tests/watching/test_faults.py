"""What goes wrong in luthier is luthier's fault: the program goes on, and the fault is told."""

from __future__ import annotations

from luthier.watching.calls import Forward
from luthier.watching.recorder import Recorder
from luthier.watching.trace import BETWEEN, FIRST, LAST, Series

from .forked import run
from .programs import BASE

LOOP = BASE + "for _ in range(3):\n    epoch(model, optimizer)\n"


def written(folder):
    """The usual loop as a script."""
    path = folder / "program.py"
    path.write_text(LOOP)
    return path


def test_hook_that_raises_is_a_fault_and_the_program_goes_on(tmp_path):
    path = written(tmp_path)
    plain = run(path, watched=False)
    done = run(path, watched=True, broken="luthier.watching.torch.gradients:Gradients._begin_")
    assert (done.out, done.code) == (plain.out, 0)
    assert [(f.part, f.error) for f in done.diagnosis.faults] == [("backward", "ValueError: of our own")]


def test_check_that_raises_is_a_fault_and_the_others_judge(tmp_path):
    done = run(written(tmp_path), watched=True, broken="luthier.checks.t01_zero_grad:judge")
    assert done.code == 0
    assert [f.part for f in done.diagnosis.faults] == ["T01"]
    assert "T02" in done.diagnosis.checked
    assert "T01" not in done.diagnosis.checked


def test_part_that_raised_three_times_is_switched_off():
    recorder = Recorder()
    calls = []

    def raises():
        calls.append(1)
        raise ValueError

    work = recorder.safely("part", raises)
    for _ in range(10):
        assert work() is None
    assert len(calls) == 3
    assert len(recorder.trace.faults) == 1


def test_series_keeps_its_beginning_and_its_end_and_stays_small():
    """Memory is bounded however long the run."""
    series: Series[Forward] = Series()
    most = 0
    for i in range(20_000):
        series.append(Forward(number=i))
        most = max(most, len(series))
    numbers = [f.number for f in series]
    assert series.total == 20_000
    assert most <= FIRST + 2 * BETWEEN + 2 * LAST
    assert numbers[:FIRST] == list(range(FIRST))
    assert numbers[-LAST:] == list(range(20_000 - LAST, 20_000))
    assert numbers == sorted(numbers)
    assert [series[i].number for i in (0, -1)] == [0, 19_999]
    assert not series.complete
