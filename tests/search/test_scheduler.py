"""The scheduler keeps its promises in random studies of any shape; its ladder lies on the grid of reports."""

from __future__ import annotations

import math

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.search.twins import RightScheduler

from luthier.errors import InvalidInput
from luthier.records import History
from luthier.search import Resume, Start, Table, choose_rungs, fill, finish_top, next_segment, scheduler, stop_paused
from luthier.search.conformance import LOSS, RUNGS, SchedulerConformance, Simulation, make_trial


class TestAsha(SchedulerConformance):
    def make(self):
        return RightScheduler()


def history_of(*trials) -> History:
    return History(metric=LOSS, rungs=RUNGS, trials=trials)


# ------------------------------------------------------------------------------------------ random studies


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    eta=st.sampled_from([2.0, 3.0, 4.0]),
    rungs=st.sampled_from([(1.0,), (1 / 3, 1.0), (1 / 9, 1 / 3, 1.0), (0.1, 0.2, 0.4, 1.0)]),
)
def test_in_any_study_jobs_climb_one_rung_and_few_are_let_through(seed, eta, rungs):
    """Every job raises its trial's rung by one; those that went on from a rung <= floor(n / eta) and leaders."""
    study = Simulation(scheduler, seed, eta=eta, num_jobs=60, rungs=rungs)
    for number, before, after, status in study.jobs:
        if status not in ("diverged", "failed"):
            assert after == (len(rungs) if number == 0 else before + 1)
    leaders = {
        (t.id, len(t.curve))
        for history, actions in zip(study.histories, study.actions, strict=True)
        for t in history.trials
        if Resume(t.id) in actions and _leads(history, t)
    }
    for level in range(len(rungs) - 1):
        came = [
            t
            for t in study.history.trials
            if len(t.curve) > level or (t.status == "diverged" and len(t.curve) == level)
        ]
        left = [
            t
            for t in came
            if t.id and len(t.curve) > level and not (len(t.curve) == level + 1 and t.status == "paused")
        ]
        assert len(left) <= math.floor(len(came) / eta) + sum(rung == level + 1 for _, rung in leaders)


def _leads(history, trial) -> bool:
    level = len(trial.curve) - 1
    return all(t.curve[level].score >= trial.curve[level].score for t in history.trials if len(t.curve) > level)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), capacity=st.integers(1, 5))
def test_a_cache_changes_nothing(seed, capacity):
    """`fill` with a table that followed the whole study answers as without one."""
    table = Table()
    for history in Simulation(scheduler, seed, eta=3.0, num_jobs=40).histories:
        assert fill(history, capacity, table=table) == fill(history, capacity)


# ------------------------------------------------------------------------------------------- upper bounds


def test_where_it_is_known_what_trials_may_come_to_they_are_ranked_by_that():
    """Six at a rung, the quota is two: those that may come furthest, not those that are ahead."""
    trials = [make_trial(i, {}, (0.1 * i,)) for i in range(1, 7)]
    bounds = {i: float(i) for i in range(1, 7)}
    assert fill(history_of(*trials), 3) == [Resume(1), Resume(2), Start()]
    assert fill(history_of(*trials), 3, upper_bounds=bounds) == [Resume(6), Resume(5), Start()]
    assert finish_top(history_of(*trials), 2, upper_bounds=bounds) == [6, 5]


def test_upper_bounds_raise_no_quota_and_bring_no_lost_trial_back():
    """What has gone on counts as before; a diverged trial is the worst of its rung whatever its bound."""
    gone = make_trial(1, {}, (0.1, 0.2), status="running")
    trials = [gone, *(make_trial(i, {}, (0.1 * i,)) for i in (2, 3)), make_trial(4, status="diverged")]
    bounds = {1: 9.0, 2: 1.0, 3: 2.0, 4: 99.0}
    assert fill(history_of(*trials), 1, upper_bounds=bounds) == [Start()]
    assert fill(history_of(*trials), 1, upper_bounds={**bounds, 3: 10.0}) == [Resume(3)], "it leads its rung"


# -------------------------------------------------------------------------------------------------- ladders


@settings(max_examples=200)
@given(num_steps=st.integers(1, 100_000), num_reports=st.integers(1, 200), eta=st.floats(1.1, 10.0))
def test_rungs_rise_on_the_grid_of_reports_to_1_and_never_begin_too_early(num_steps, num_reports, eta):
    rungs = choose_rungs(num_steps, num_reports, eta)
    assert rungs[-1] == 1.0
    assert list(rungs) == sorted(set(rungs))
    for rung in rungs:
        assert rung * num_reports == pytest.approx(round(rung * num_reports), abs=1e-9)
    if len(rungs) > 1:
        assert round(rungs[0] * num_reports) >= 2
        assert rungs[0] * num_steps >= 50 - 1e-6
        assert rungs[0] >= 1 / 27 - 1e-9


@pytest.mark.parametrize(
    ("num_steps", "num_reports", "want"),
    [
        (10_000, 51, (2 / 51, 6 / 51, 17 / 51, 1.0)),  # the ladder that was measured
        (5_000, 27, (3 / 27, 9 / 27, 1.0)),
        (400, 27, (9 / 27, 1.0)),  # 1/9 of 400 steps is too early
        (100, 27, (1.0,)),
        (5_000, 1, (1.0,)),
    ],
)
def test_ladders_by_example(num_steps, num_reports, want):
    assert choose_rungs(num_steps, num_reports) == pytest.approx(want)


@pytest.mark.parametrize(
    ("num_steps", "num_reports", "eta"), [(100, 10, 1.0), (100, 10, math.nan), (0, 10, 3.0), (10, 0, 3.0)]
)
def test_a_ladder_that_cannot_be_is_refused(num_steps, num_reports, eta):
    with pytest.raises(InvalidInput):
        choose_rungs(num_steps, num_reports, eta)


# -------------------------------------------------------------------------------------------- segments, end


def test_a_trial_trains_to_the_next_rung_that_it_has_not_reached():
    history = history_of()
    assert [next_segment(history, make_trial(1, {}, (0.5,) * k)) for k in range(4)] == [1 / 9, 1 / 3, 1.0, 1.0]


def test_a_score_that_is_not_a_number_is_never_promoted():
    history = history_of(*(make_trial(i, {}, (math.nan,)) for i in range(1, 7)))
    assert not any(isinstance(action, Resume) for action in fill(history, 3))


def test_a_stopped_trial_counts_at_its_rung_and_is_not_resumed():
    stopped = [make_trial(i, {}, (0.1,), status="stopped") for i in (1, 2)]
    assert fill(history_of(*stopped, make_trial(3, {}, (0.5,))), 1) != [Resume(3)]
    assert fill(history_of(*stopped, *(make_trial(i, {}, (0.05,)) for i in (3, 4, 5, 6))), 1) == [Resume(3)]


def test_at_the_end_the_paused_trials_of_the_search_are_stopped():
    trials = (
        make_trial(5, {}, (0.1,)),
        make_trial(2, {}, (0.1,)),
        make_trial(3, {}, (0.1,) * 3, status="finished"),
        make_trial(4, {}, (0.1,), phase="confirm"),
        make_trial(0, {}, (0.1,)),
    )
    assert stop_paused(history_of(*trials)) == [2, 5]


class TestFinishTop:
    """Which paused trials to complete when little time is left."""

    paused = (
        make_trial(1, {}, (0.1,)),
        make_trial(2, {}, (0.9, 0.8)),
        make_trial(3, {}, (0.8, 0.3)),
        make_trial(4, {}, (0.05,)),
    )

    def test_the_highest_rung_first_and_the_best_of_it(self):
        assert finish_top(history_of(*self.paused), 3) == [3, 2, 4]

    def test_what_is_complete_or_about_to_be_is_not_asked_for_again(self):
        done = make_trial(5, {}, (0.5,) * 3, status="finished")
        last_segment = make_trial(6, {}, (0.5,) * 2, status="running")
        early = make_trial(7, {}, (0.5,), status="running")
        assert finish_top(history_of(*self.paused, done, last_segment, early), 3) == [3]

    def test_the_baseline_is_not_counted(self):
        baseline = make_trial(0, {}, (0.5,) * 3, status="finished")
        assert finish_top(history_of(*self.paused, baseline), 1) == [3]

    def test_it_gives_what_there_is(self):
        assert finish_top(history_of(*self.paused), 9) == [3, 2, 4, 1]
        assert finish_top(history_of(), 2) == []


def test_order_does_not_matter_for_finishing_either():
    history = history_of(*TestFinishTop.paused)
    backwards = msgspec.structs.replace(history, trials=history.trials[::-1])
    assert finish_top(backwards, 3) == finish_top(history, 3)
