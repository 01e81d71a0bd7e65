"""What can be wrong with a function, each with its exact sentence; and what never outlives its trial."""

import os
import re
import signal
import sys
import time
from pathlib import Path

import pytest

import luthier
from luthier import Float
from luthier.errors import BudgetTooSmall, InvalidInput, TrainingFailed
from programs import functions
from programs.running import start
from survival.running import alive

SPACE = {"lr": Float(1e-5, 1.0, log=True)}
RAISES = functions.raises.__code__.co_firstlineno + 3
needs_proc = pytest.mark.skipif(sys.platform != "linux", reason="processes are found in /proc")


def tune(function, root, **more):
    asked = {
        "space": SPACE,
        "metric": "val_loss",
        "budget": "4trials",
        "workers": 2,
        "baseline": {"lr": 1e-4},
        **more,
    }
    return luthier.tune(function, root=root, name="run", **asked)


@pytest.mark.parametrize(
    ("function", "kind", "sentence"),
    [
        (
            functions.silent,
            InvalidInput,
            "silent never called trial.report: `each run reports val_loss at least once` must hold (the "
            "program's own "
            "code). Call trial.report(step, val_loss=...) after each evaluation.",
        ),
        (
            functions.raises,
            TrainingFailed,
            f"KeyError: 'weights' (functions.py line {RAISES}, in raises, while the program trained).",
        ),
        (
            functions.not_a_number,
            TrainingFailed,
            "the baseline reported val_loss=nan at step 2: `the baseline reaches its end with a finite score` "
            "must hold "
            "(the program's own code). Lower its learning rate, or pass another baseline.",
        ),
        (
            functions.backwards,
            InvalidInput,
            "trial.report(step=1) after step 2: `each report is of a later step` must hold (report). Count the "
            "steps on, "
            "for example epoch + 1.",
        ),
        (
            functions.of_words,
            InvalidInput,
            "trial.report(val_loss='low'): `val_loss is a number` must hold (report). Pass a float.",
        ),
    ],
)
def test_a_fault_of_the_baseline_is_said_at_once(tmp_path, function, kind, sentence):
    with pytest.raises(kind) as told:
        tune(function, tmp_path)
    assert str(told.value) == sentence


def test_a_metric_that_was_never_reported_is_named_with_those_that_were(tmp_path):
    with pytest.raises(InvalidInput) as told:
        tune(functions.train, tmp_path, metric="min:val_los")
    assert str(told.value) == (
        "val_los was never reported: `the metric is one of val_loss` must hold (metric). Did you mean 'val_loss'?"
    )


def test_a_baseline_beyond_its_time_limit_is_ended(tmp_path):
    with pytest.raises(TrainingFailed) as told:
        tune(functions.endless, tmp_path, time_limit="3s")
    assert str(told.value) == (
        "trial 0 was ended after 3 s, when it had made 1 report: `a trial trains for at most 3 s` must hold "
        "(time limit). "
        "Raise the time limit, or let the program train for less."
    )


def test_a_trial_beyond_its_time_limit_fails_and_the_run_goes_on(tmp_path):
    run = tune(functions.endless_where_lr_is_high, tmp_path, time_limit=6, budget="8trials", sampler="halton")
    errors = [t.error for t in run.record.history.trials if t.status == "failed"]
    assert errors
    assert all("was ended after 6 s, when it had made 1 report" in error for error in errors)
    assert any(t.status == "finished" for t in run.record.history.trials if t.phase == "search")
    assert run.record.status == "finished"


def test_a_baseline_that_takes_all_of_the_budget_is_ended(tmp_path):
    with pytest.raises(BudgetTooSmall) as told:
        tune(functions.endless, tmp_path, budget="4s")
    assert str(told.value) == (
        "the baseline's first run was not done after 4 s, when it had made 1 report: `the budget pays for the "
        "baseline, "
        "one trial and the report` must hold (budget). Give more time, or let the program train for less."
    )


def test_a_loss_that_is_lost_in_the_search_is_a_result(tmp_path):
    def train(trial):
        for epoch in (1, 2, 3):
            trial.report(epoch, val_loss=float("inf") if trial.config["lr"] > 0.01 else 1 / epoch)

    run = tune(train, tmp_path, budget="8trials", sampler="halton")
    assert {t.status for t in run.record.history.trials if t.recipe.model["lr"] > 0.01} == {"diverged"}


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (
            {"metric": ""},
            "metric='': `the name of what a program reports` must hold (metric). Write for example "
            'metric="val_loss".',
        ),
        (
            {"metric": "score"},
            "metric='score': `it is known whether larger or smaller is better` must hold (metric). Write "
            'metric="max:score" or metric="min:score".',
        ),
        (
            {"space": None},
            'space=None: `a space: of a program only you know what may vary` must hold (space). Pass space={"lr": '
            "Float(1e-4, 1e-1, log=True)}, on the command line --space FILE.toml.",
        ),
        (
            {"space": {"seed": Float(0.0, 1.0)}},
            "seed in the search space (space, parameter 'seed'). luthier gives it; take it out.",
        ),
        (
            {"baseline": luthier.Recipe()},
            "baseline=Recipe(...) for a program: `a dict of the settings that you use today` must hold (tune). "
            "Write for "
            'example baseline={"lr": 1e-3}.',
        ),
        (
            {"data": ([[1.0]], [1])},
            "data for a function of trial: `it brings its data` must hold (tune). Leave it out, and read the "
            "data in the "
            "function.",
        ),
        (
            {"baseline": {"lr": 1e-4, "layers": [1, 2]}},
            "layers=[1, 2]: `a setting is a number, a text, a truth value or None` must hold (baseline).",
        ),
        ({"reports": 0}, "reports=0: `reports >= 1` must hold (tune)."),
        ({"parked": -1}, "parked=-1: `parked >= 0` must hold (tune)."),
        ({"time_limit": "5trials"}, "time_limit='5trials': `a time` must hold (tune). Write for example \"20min\"."),
        ({"command": "true"}, "a model and a command: `one of the two` must hold (tune)."),
        (
            {"slots": 2},
            "slots=2: `something that luthier trains` must hold (tune). Leave it out: a program of one's own "
            "trains by "
            "itself.",
        ),
    ],
)
def test_what_does_not_fit_is_said_before_the_start(tmp_path, more, sentence):
    with pytest.raises(InvalidInput) as told:
        tune(functions.train, tmp_path, **more)
    assert str(told.value) == sentence
    assert not (tmp_path / "run").exists()


def test_settings_of_programs_are_refused_for_models(tmp_path):
    with pytest.raises(InvalidInput) as told:
        luthier.tune("digits", reports=3, root=tmp_path)
    assert (
        str(told.value) == "reports=3: `something that trains by itself: train(trial), a command` must hold (tune)."
    )


@needs_proc
@pytest.mark.parametrize("end", ["time limit", "kill -9", "ctrl-c twice"])
def test_no_process_of_a_trial_outlives_it(tmp_path, end):
    """Helpers in sessions of their own and orphans included."""
    told = tmp_path / "pids"
    limit = {"time_limit": 4} if end == "time limit" else {}
    arguments = {"root": str(tmp_path), "name": "run", "budget": "4trials", "workers": 1, **limit}
    program = start(tmp_path / "log", function="with_helpers", arguments=arguments, environment={"PIDS": str(told)})
    pids = []
    while len(pids) < 3:
        assert program.poll() is None, (tmp_path / "log").read_text()
        time.sleep(0.05)
        pids = [int(p) for p in told.read_text().split()] if told.exists() else []
    assert all(alive(pid) for pid in pids)
    if end == "kill -9":
        os.kill(program.pid, signal.SIGKILL)
    elif end == "ctrl-c twice":
        os.kill(program.pid, signal.SIGINT)
        time.sleep(0.5)
        os.kill(program.pid, signal.SIGINT)
    program.wait(60)
    until = time.monotonic() + 10
    while any(alive(pid) for pid in pids) and time.monotonic() < until:
        time.sleep(0.05)
    assert not [pid for pid in pids if alive(pid)]


@needs_proc
def test_a_process_that_is_killed_from_outside_is_begun_again(tmp_path):
    marks = tmp_path / "marks"
    marks.mkdir()

    def train(trial):
        for epoch in (1, 2, 3):
            trial.report(epoch, val_loss=trial.config["lr"] / epoch)
            mark = Path(str(marks)) / str(trial.seed)
            if epoch == 2 and trial.config["lr"] > 0.01 and not mark.exists():
                mark.touch()
                os.kill(os.getpid(), signal.SIGKILL)

    run = tune(train, tmp_path, budget="8trials", sampler="halton")
    hit = [t for t in run.record.history.trials if (marks / str(t.seed)).exists()]
    assert hit
    assert {t.status for t in hit} <= {"finished", "stopped"}
    journal = (run.folder / "journal.jsonl").read_text()
    assert len(re.findall('"k":"lost"', journal)) == len(hit)
