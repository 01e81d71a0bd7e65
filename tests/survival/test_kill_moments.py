"""kill -9 at random moments, of driver or worker, on a real model: nothing that is decided changes.

A small CNN with BatchNorm and dropout, AdamW, a cosine schedule; paused and promoted at rungs. One run is killed
and resumed again and again until it ends; then the next begins, until 50 kills were survived.
"""

import json
import os
import random
import signal
import time
from collections import Counter
from pathlib import Path

import pytest

from survival import running
from survival.running import kinds_of, whole_lines
from survival.test_faults import needs_proc
from survival.warm import Program, finish, start

NUM_KILLS = int(os.environ.get("LUTHIER_KILLS", "50"))
LONGEST_S = 4.0
"""Of a run that trains for some ten seconds and has nothing left to import."""


def asked(root, **more):
    return {
        "task": "digits",
        "arguments": {"root": str(root), "name": "run", "budget": "20trials", "fixed": {"epochs": 9, "channels": 8},
                      "workers": 2, **more},
    }  # fmt: skip


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    """What an unbroken run decides, and how many lines of each kind it wrote."""
    root = tmp_path_factory.mktemp("whole")
    code, decided, said = finish(**asked(root))
    assert code == 0, said
    counts = kinds_of(root / "run")
    assert counts["stopped"] >= 1, "the run must pause and promote"
    return decided, counts


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["decision", "phase", "job", "report", "reached", "stopped", "evaluated", "end"])
def test_killed_after_a_line_and_resumed_the_real_model_decides_the_same(tmp_path, unbroken, kind):
    expected, counts = unbroken
    assert finish(**asked(tmp_path), kill_after=[kind, (counts[kind] + 1) // 2])[0] == -9
    code, decided, said = finish(**asked(tmp_path, resume=True))
    assert code == 0, said
    assert json.dumps(decided) == json.dumps(expected)


@pytest.mark.slow
@needs_proc
def test_fifty_kills_change_nothing(tmp_path, unbroken):
    expected, _ = unbroken
    rng = random.Random(20261124)
    moments: list[float] = []
    runs = 0
    while len(moments) < NUM_KILLS:
        root = tmp_path / f"run{runs}"
        done = False
        while not done:
            begun = (root / "run" / "journal.jsonl").exists()
            program = start(tmp_path / "log", **asked(root, resume=begun))
            done = _ends_by_itself(program, root / "run" / "journal.jsonl", rng, moments)
        code, decided, said = finish(**asked(root, resume=True))
        assert code == 0, said
        assert json.dumps(decided) == json.dumps(expected), f"after kills at {moments}"
        runs += 1


def _ends_by_itself(program: Program, journal: Path, rng: random.Random, moments: list[float]) -> bool:
    """False if it was killed; a run that has lost a worker goes on with a new one, until the next kill."""
    while len(moments) < NUM_KILLS:
        wait, victim, which = rng.uniform(0.0, LONGEST_S), rng.choice(["driver", "driver", "worker"]), rng.random()
        until = time.monotonic() + wait
        while time.monotonic() < until and program.poll() is None:
            time.sleep(0.01)
        if program.poll() is not None:
            break
        moments.append(round(wait, 1))
        workers = program.workers()
        told = _lost(journal)
        if (
            victim == "driver"
            or not workers
            or max(Counter(t for each in told for t in each).values(), default=0) > 1
        ):
            program.kill()
            program.communicate()
            return False
        os.kill(workers[int(which * len(workers))], signal.SIGKILL)
        while program.poll() is None and len(_lost(journal)) == len(told):  # else it would be counted too late
            time.sleep(0.01)
    program.communicate(timeout=600)
    assert program.returncode == 0
    return True


def _lost(journal: Path) -> list[list[int]]:
    """Trials of each worker that was lost. One that loses its worker for the third time is given up, and another run
    is decided."""
    lines = whole_lines(journal) if journal.exists() else []
    return [line["d"]["trials"] for line in lines if line["k"] == "lost"]


@pytest.mark.slow
def test_a_crash_costs_what_came_after_the_last_checkpoint(tmp_path):
    arguments = {"root": str(tmp_path), "name": "run", "budget": "2trials", "workers": 1}
    program = running.start(tmp_path / "log", task="fake:flat", arguments=arguments, step_s=0.03)
    journal = tmp_path / "run" / "journal.jsonl"
    while not journal.exists() or journal.read_text().count('"k":"report"') < 14:
        time.sleep(0.02)
    program.kill()
    program.communicate()
    before = whole_lines(journal)
    saved = max((line["d"]["step"] for line in before if line["k"] == "snapshot"), default=0)
    assert saved  # four seconds of training are more than one interval
    code, _, said = running.finish(task="fake:flat", arguments={**arguments, "resume": True}, step_s=0.03)
    assert code == 0, said
    after = whole_lines(journal)[len(before) :]
    first = next(line["d"]["point"]["step"] for line in after if line["k"] == "report")
    assert saved < first <= saved + 10  # reports are ten steps apart
