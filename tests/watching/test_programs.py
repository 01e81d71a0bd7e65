"""A program under watch is the program: same output, same numbers to the last bit, same exit code."""

from __future__ import annotations

import subprocess
import sys

import pytest

from .forked import run
from .programs import BASE, ENDS, TRAINS

pytest.importorskip("torch")


@pytest.fixture
def script(tmp_path):
    """A function that writes a script beside a module that it may import."""

    def write(text: str):
        (tmp_path / "neighbour.py").write_text("print('neighbour')\n")
        path = tmp_path / "program.py"
        path.write_text(text)
        return path

    return write


@pytest.mark.parametrize("name", TRAINS)
@pytest.mark.parametrize("tier", ["quick", "full"])
def test_training_is_the_same_to_the_last_bit(name, tier, script):
    path = script(BASE + TRAINS[name])
    plain, watched = run(path, watched=False), run(path, watched=True, tier=tier)
    assert plain.code == 0, plain.err
    assert watched.out == plain.out
    assert watched.err == plain.err
    assert watched.code == 0
    assert watched.diagnosis.faults == ()
    assert [f.code for f in watched.diagnosis.findings if f.severity != "info"] == []


@pytest.mark.parametrize("name", ENDS)
def test_program_ends_as_it_would(name, script):
    text, code = ENDS[name]
    words = ["--lr", "0.5"] if "argparse" in text else []
    path = script(text)
    plain, watched = run(path, *words, watched=False), run(path, *words, watched=True)
    assert watched.code == plain.code == code
    assert watched.out == plain.out
    assert watched.diagnosis.exit_code == code
    assert watched.diagnosis.faults == ()


def test_traceback_is_what_python_prints(tmp_path):
    """Frames of ours are not in it."""
    path = tmp_path / "raising.py"
    path.write_text(BASE + "def go():\n    return model(X[:, :5])\n\ngo()\n")
    plain = subprocess.run([sys.executable, path.name], cwd=tmp_path, capture_output=True, text=True, check=False)
    watched = run(path, watched=True)
    assert watched.code == 1
    assert "luthier" not in watched.err
    shown = [[line for line in text.splitlines() if str(tmp_path) in line] for text in (watched.err, plain.stderr)]
    assert shown[0] == shown[1] != []
    assert watched.err.splitlines()[-1] == plain.stderr.splitlines()[-1]


def test_steps_end_the_program_after_an_evaluation(script):
    """Its `finally` blocks run, and what it would have done later is not done."""
    path = script(
        BASE + "try:\n    for _ in range(50):\n        epoch(model, optimizer)\n        evaluate(model)\n"
        "finally:\n    print('tidied')\nprint('later')\n"
    )
    done = run(path, watched=True, steps=20)
    assert "tidied" in done.out
    assert "later" not in done.out
    assert 20 <= done.diagnosis.num_steps <= 24
    assert "20 training steps and an evaluation" in done.diagnosis.stopped
    assert done.diagnosis.exit_code is None


def test_program_that_catches_everything_is_ended_too(script):
    path = script(
        BASE + "while True:\n    try:\n        epoch(model, optimizer)\n        evaluate(model)\n"
        "    except BaseException:\n        pass\n"
    )
    done = run(path, watched=True, steps=20)
    assert done.diagnosis.stopped
    assert done.code == 0


def test_time_ends_the_program(script):
    path = script(BASE + "while True:\n    epoch(model, optimizer)\n")
    done = run(path, watched=True, seconds=1.0)
    assert "1 s of running" in done.diagnosis.stopped


def test_watch_that_rests_counts_steps_and_wakes_for_an_evaluation(script):
    """After the first 300 steps training is looked at in stretches; what begins late is seen all the same."""
    late = (
        "for i in range(100):\n    epoch(model, optimizer)\n"
        "for x, y in loader:\n    loss = F.cross_entropy(model(x), y)\n    loss.backward()\n    optimizer.step()\n"
        "for i in range(60):\n    for x, y in loader:\n        loss = F.cross_entropy(model(x), y)\n"
        "        loss.backward()\n        optimizer.step()\n"
        "with torch.no_grad():\n    for i in range(5):\n        model(X[:32])\n"
    )
    path = script(BASE + late)
    plain, done = run(path, watched=False), run(path, watched=True, full=True)
    assert done.out == plain.out
    assert done.diagnosis.num_steps == 644
    assert done.diagnosis.num_backward < 644
    assert done.diagnosis.num_evaluations == 1
    assert "T01" in {f.code for f in done.diagnosis.findings}


def test_full_run_goes_to_its_end(script):
    path = script(BASE + "for _ in range(6):\n    epoch(model, optimizer)\n    evaluate(model)\nprint('end')\n")
    done = run(path, watched=True, steps=4, full=True)
    assert done.out.endswith("end\n")
    assert done.diagnosis.num_steps == 24
