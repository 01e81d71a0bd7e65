"""A function of one's own: the whole way, through crashes, with and without checkpoints."""

import json
import os

import pytest

import luthier
from luthier import Float
from programs import functions
from programs.running import finish
from survival.running import kinds_of

SPACE = {"lr": Float(1e-5, 1.0, log=True)}


def tune(function, root, **more):
    asked = {"space": SPACE, "metric": "val_loss", "budget": "6trials", "workers": 2, **more}
    return luthier.tune(function, root=root, name="run", **asked)


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    root = tmp_path_factory.mktemp("whole")
    code, decided, said = finish(**asked(root))
    assert code == 0, said
    counts = kinds_of(root / "run")
    assert counts["stopped"] >= 1, "the run must pause"
    return root, decided, counts


def asked(root, **more):
    arguments = {"root": str(root), "name": "run", "budget": "40trials", "workers": 2}
    return {"function": more.pop("function", "slow"), "arguments": {**arguments, **more}}


def test_a_better_setting_is_found_confirmed_and_adopted(unbroken):
    root, decided, _ = unbroken
    assert decided["adopted"]
    run = luthier.Run.open(root / "run")
    assert abs(run.best.score.score - 1 / 9) < 0.1
    assert run.best.score.n == 6
    assert list(run.record.evidence[0].change.settings) == ["lr"]
    assert run.record.evidence[0].over == "seeds, as the program itself uses them"
    assert "no test rows" in run.verdict


def test_the_checkpoints_of_what_is_shipped_are_in_best(unbroken):
    run = luthier.Run.open(unbroken[0] / "run")
    assert (run.best.checkpoint / "epoch").read_text() == "9"


def test_promoted_trials_go_on_and_the_rest_is_stopped(unbroken):
    curves = [len(t[8]) for t in unbroken[1]["trials"] if t[1] == "search"]
    assert set(curves) == {3, 9}
    assert curves.count(9) < curves.count(3)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["decision", "report", "end"])
def test_killed_after_a_line_and_resumed_it_decides_the_same(tmp_path, unbroken, kind):
    _, expected, counts = unbroken
    assert finish(**asked(tmp_path), kill_after=[kind, (counts[kind] + 1) // 2])[0] == -9
    code, decided, said = finish(**asked(tmp_path, resume=True))
    assert code == 0, said
    assert json.dumps(decided) == json.dumps(expected)


@pytest.mark.slow
def test_without_checkpoints_a_resumed_run_decides_the_same(tmp_path, unbroken):
    """It begins again what was at work, and what it reported is not asked for again."""
    _, expected, counts = unbroken
    whole = asked(tmp_path, function="forgetful")
    assert finish(**whole, kill_after=["report", counts["report"] // 2])[0] == -9
    code, decided, said = finish(**asked(tmp_path, function="forgetful", resume=True))
    assert code == 0, said
    assert json.dumps(decided) == json.dumps(expected)


def test_what_cannot_be_parked_goes_on_from_its_checkpoint(tmp_path, unbroken):
    code, decided, said = finish(**asked(tmp_path, parked=0))
    assert code == 0, said
    assert json.dumps(decided) == json.dumps(unbroken[1])


def test_what_cannot_be_parked_and_has_no_checkpoint_begins_again_and_it_is_said(tmp_path):
    log = tmp_path / "log"
    code, decided, said = finish(
        **asked(tmp_path, function="forgetful", parked=0, budget="24trials"), environment={"BEGINNINGS": str(log)}
    )
    assert code == 0, said
    promoted = sum(t[1] == "search" and len(t[8]) == 9 for t in decided["trials"])
    assert promoted
    assert len(log.read_text().split()) == len(decided["trials"]) + promoted
    run = luthier.Run.open(tmp_path / "run")
    found = next(f for f in run.record.facts.findings if f.code == "PR01")
    assert found.text == (
        "It does not use trial.checkpoint_dir: what is paused longer than luthier lives, or is ended for lack of "
        "memory, begins again."
    )


def test_settings_may_be_arguments_of_the_function_and_its_defaults_are_the_baseline(tmp_path):
    run = tune(functions.of_arguments, tmp_path)
    assert run.record.baseline.model == {"lr": 0.1}
    assert not any(f.code == "PR02" for f in run.record.facts.findings)


def test_a_baseline_that_nobody_named_is_the_middle_and_it_is_said(tmp_path):
    run = tune(functions.train, tmp_path)
    assert run.record.baseline.model["lr"] == pytest.approx(10**-2.5)
    found = next(f for f in run.record.facts.findings if f.code == "PR02")
    assert found.text == (
        "Nobody said what is used today: the middle of the space is what has to be beaten (lr=0.00316)."
    )


def test_the_first_run_of_the_baseline_is_not_made_twice(tmp_path, monkeypatch):
    log = tmp_path / "log"
    monkeypatch.setenv("BEGINNINGS", str(log))
    run = tune(functions.forgetful, tmp_path)
    assert len(log.read_text().split()) == len(run.record.history.trials)


def test_a_run_that_returns_early_is_at_its_end_and_one_that_goes_on_counts_by_its_last_report(tmp_path):
    run = tune(functions.early, tmp_path, baseline={"lr": 0.02}, budget="12trials", reports=9)
    done = [t for t in run.record.history.trials if t.status == "finished"]
    for trial in done:
        last = 4 if trial.recipe.model["lr"] < 0.01 else 13
        assert trial.last.score == pytest.approx(functions.loss_of(trial.recipe.model, trial.seed, last))
    assert run.record.facts.num_reports == 9


def test_a_model_of_luthiers_own_is_not_looked_for(tmp_path):
    run = tune(functions.train, tmp_path, budget="4trials")
    with pytest.raises(luthier.LuthierError, match=r"the run trained a program of your own, no model of luthier's"):
        luthier.load(run.folder)


def test_the_threads_of_the_machine_are_shared(tmp_path):
    def train(trial):
        trial.report(1, loss=float(os.environ["OMP_NUM_THREADS"]))

    cores = len(os.sched_getaffinity(0))
    run = tune(train, tmp_path, metric="loss", budget="4trials", workers=1)
    assert run.record.history.trials[0].last.score == cores


def test_half_a_checkpoint_costs_the_way_since_the_start_and_no_more(tmp_path, unbroken):
    code, decided, said = finish(**asked(tmp_path, function="tears_its_checkpoint", parked=0))
    assert code == 0, said
    assert json.dumps(decided) == json.dumps(unbroken[1])


def test_a_budget_of_time_is_divided_by_how_long_a_run_takes(tmp_path):
    run = tune(functions.slow, tmp_path, budget="20s")
    assert run.record.plan.unit == "seconds"
    assert run.record.facts.step_s >= 0.02  # so long it sleeps for each report
    assert run.record.plan.split["noise"] >= 9 * 0.02
    assert run.record.status == "finished"
