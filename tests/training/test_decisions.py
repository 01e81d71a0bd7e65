"""Decisions do not depend on how many workers there are or how fast they answer."""

import msgspec
import pytest

import fakes
import luthier
from luthier.records import Trial
from luthier.training import driver
from luthier.training.executor import InlineExecutor, ProcessExecutor
from luthier.training.ledger import Job, Ledger
from luthier.training.view import View
from luthier.verbs import tune
from training.twins import ArrivalView, UnevenExecutor


def decided(run):
    """What was begun, how far it came, and what was seen."""
    return [
        (t.id, t.config, t.origin, t.status, t.rung, [p.score for p in t.curve]) for t in run.record.history.trials
    ]


def tuned(root, name, workers, **more):
    """A run whose plan does not follow the number of workers: the lag is that of two."""
    return luthier.tune(fakes.task("half_broken"), budget="44trials", workers=workers, root=root, name=name, **more)


@pytest.mark.slow
def test_one_worker_in_process_and_two_programs_decide_the_same(tmp_path):
    inline = tuned(tmp_path, "inline", 0)
    programs = tuned(tmp_path, "programs", 2)
    assert decided(inline) == decided(programs)
    assert repr(inline.record.evidence) == repr(programs.record.evidence)


def tuned_on_uneven_workers(root, monkeypatch):
    monkeypatch.setattr(tune, "InlineExecutor", UnevenExecutor)
    return tuned(root, "uneven", 0)


def test_one_worker_and_two_of_unequal_speed_decide_the_same(tmp_path, monkeypatch):
    inline = tuned(tmp_path, "inline", 0)
    assert decided(inline) == decided(tuned_on_uneven_workers(tmp_path, monkeypatch))


def test_decisions_in_order_of_arrival_would_differ(tmp_path, monkeypatch):
    """The wrong twin: a view that shows whatever has arrived."""
    monkeypatch.setattr(driver, "View", ArrivalView)
    inline = tuned(tmp_path, "inline", 0)
    assert decided(inline) != decided(tuned_on_uneven_workers(tmp_path, monkeypatch))


def test_same_seed_same_run(tmp_path):
    first = tuned(tmp_path, "a", 0)
    second = tuned(tmp_path, "b", 0)
    assert decided(first) == decided(second)


def test_another_seed_another_run(tmp_path):
    first = tuned(tmp_path, "a", 0)
    second = tuned(tmp_path, "b", 0, seed=1)
    assert decided(first) != decided(second)


def test_executors_have_the_methods_of_the_protocol():
    for executor in (InlineExecutor, ProcessExecutor):
        for name in ("open", "send", "poll", "rest", "close"):
            assert callable(getattr(executor, name))
    assert callable(View.see)


def test_a_long_job_holds_up_no_decision_that_short_ones_suffice_for():
    """Jobs 0 to 3 of 10 steps, job 4 of 30 more: with a lag of 10 it is due at 4 + .3 * 10 * 2, the others now."""
    ledger = Ledger()
    trial = fakes_trial(0)
    ledger.trials = {i: msgspec.structs.replace(trial, id=i) for i in range(4)}
    jobs = [
        Job(phase="search 1", number=i, action="start", trial=i, until=0.1, new=ledger.trials[i]) for i in range(4)
    ]
    jobs.append(Job(phase="search 1", number=4, action="resume", trial=0, until=0.4))
    ledger.jobs["search 1"] = jobs
    for job in jobs[:4]:
        ledger.outcomes["search 1", job.number] = msgspec.structs.replace(trial, id=job.trial, status="paused")
    plain = View(ledger, "search 1")
    assert plain.waits_for(4)
    view = View(ledger, "search 1", unit_steps=10, lag=10)
    assert not view.waits_for(9)
    assert view.waits_for(10)
    view.see(9)
    assert [t.status for t in view.trials()] == ["running", "paused", "paused", "paused"]


def fakes_trial(number):
    """A trial of 100 steps."""
    return Trial(id=number, phase="search", config={}, recipe=luthier.Recipe(), seed=0, split_seed=0, num_steps=100)
