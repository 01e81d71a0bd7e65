"""What full runs will take, and what is kept of a budget for the evidence."""

from __future__ import annotations

import msgspec
import pytest

from luthier.playbook import durations
from luthier.recipe import Recipe
from luthier.records import Cost, Metric, Point, RunPlan, Trial

LOSS = Metric(name="log_loss", greater_is_better=False)
PLAN = RunPlan(
    unit="seconds",
    total=90.0,
    split={"report": 4.0},
    num_noise=5,
    num_top=5,
    num_fresh=4,
    num_final=6,
    required_final=6,
    rungs=(1.0,),
    lag=4,
    num_workers=2,
    seed=0,
)


def trial(number: int, seconds: list[float], *, of: int = 4, score: float = 1.0, mode: str = "grouped") -> Trial:
    """A trial of the search with reports at these seconds, `of` in a whole run."""
    curve = tuple(
        Point(step=10 * i, fraction=i / of, train_loss=score, val_loss=score, score=score, seconds=s)
        for i, s in enumerate(seconds, 1)
    )
    done = len(seconds) == of
    return Trial(
        id=number,
        phase="search",
        config={},
        recipe=Recipe(),
        seed=0,
        split_seed=0,
        num_steps=10 * of,
        status="finished" if done else "paused",
        curve=curve,
        mode=mode,
        cost=Cost(seconds=seconds[-1] + 0.5 if seconds else 0.0),
    )


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        (trial(1, [1.0, 2.0, 3.0, 4.0], mode="loop"), 4.5),  # its cost, as it is
        (trial(1, [1.0, 2.0], mode="loop"), 4.0),  # half of the way
        (trial(1, [9.0, 9.5, 10.0, 10.5], mode="loop"), 2.5),  # it waited for a compiler
        (trial(1, [9.0, 9.5, 10.0, 10.5], of=8, mode="loop"), 4.0),
        (trial(1, [9.0, 9.5, 10.0, 10.5]), 2.0),  # the program was built before the first report
        (trial(1, [9.0, 9.5, 10.0, 10.5], of=8), 4.0),
    ],
)
def test_the_time_to_the_end_is_told_without_what_was_built(what, expected):
    assert durations.alone_s(what, reference="loop") == pytest.approx(expected)


def test_a_program_that_starts_anew_pays_for_its_start_each_time():
    """A process of its own: the next run waits as long for its first report."""
    what = trial(1, [9.0, 9.5, 10.0, 10.5], mode="loop")
    assert durations.alone_s(what, reference="loop", anew=True) == 11.0


def test_those_ahead_are_the_furthest_and_of_these_the_best():
    trials = [trial(i, [1.0] * (4 if i % 2 else 5), of=5, score=i) for i in range(12)]
    assert [t.id for t in durations.ahead(trials, LOSS)] == [8, 6, 4, 2, 0]


def test_one_trial_that_was_slow_by_itself_does_not_speak_for_all():
    """The only one at its end had the program for itself: 2.9 s; its neighbours need 1 s, those in the loop too."""
    slow = trial(9, [0.7 * i for i in range(1, 5)])
    others = [trial(i, [0.25 * k for k in range(1, 5)], of=5) for i in range(8)]
    ahead = durations.ahead([slow, *others], LOSS)
    expected_s = sum(durations.alone_s(t, reference="loop") for t in ahead) / len(ahead)
    assert expected_s < 1.7


def test_evidence_takes_half_of_the_budget_at_most():
    assert durations.evidence_s(PLAN, baseline_s=1.0, candidate_s=1.0) == pytest.approx(1.2 * 36 / 2)
    assert durations.evidence_s(PLAN, baseline_s=1.5, candidate_s=3.0) == 45.0


def test_what_candidates_and_the_baseline_take_is_counted_apart():
    one = durations.evidence_s(PLAN, baseline_s=1.0, candidate_s=0.0)
    other = durations.evidence_s(PLAN, baseline_s=0.0, candidate_s=1.0)
    assert (one, other) == pytest.approx((1.2 * 10 / 2, 1.2 * 26 / 2))


def test_the_winner_is_trained_on_the_folds_that_the_pairs_leave_out():
    few = msgspec.structs.replace(PLAN, num_final=6, total=1e6)
    more = durations.evidence_s(few, baseline_s=0.0, candidate_s=1.0, num_folds=10)
    assert more - durations.evidence_s(few, baseline_s=0.0, candidate_s=1.0) == pytest.approx(1.2 * 4 / 2)
