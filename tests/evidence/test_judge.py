"""When a change is adopted, rejected or not shown."""

import math
from types import SimpleNamespace

import pytest

from luthier import Recipe
from luthier.evidence.paired import MOST_PAIRS, Bench, Contender, judge, pairs_wanted
from luthier.records import Cost, Facts, Metric, RunPlan, Trial

BASELINE = Recipe()


def bench(*, greater=True, price=0.0, unit="seconds"):
    plan = RunPlan(unit=unit, total=60, split={}, num_noise=5, num_top=5, num_fresh=4, num_final=6, price=price)
    facts = Facts(
        task="t", kind="regression", metric=Metric(name="r2" if greater else "mse", greater_is_better=greater),
        framework="", engine="", mode="loop", num_train=1, num_val=1, num_test=1, num_inputs=1, num_outputs=1,
        num_parameters=1,
    )  # fmt: skip
    first = trial(0, Recipe())
    return Bench(SimpleNamespace(ledger=SimpleNamespace(trials={0: first})), plan, facts, BASELINE)


def trial(number, recipe):
    return Trial(id=number, phase="search", config={}, recipe=recipe, seed=1, split_seed=1, num_steps=10,
                 cost=Cost(seconds=30.0))  # fmt: skip


def judged(candidate, baseline, **more):
    deciding = more.pop("deciding", True)
    return judge(bench(**more), trial(3, Recipe(lr=0.01)), candidate=candidate, baseline=baseline,
                 seeds=list(range(len(candidate))), deciding=deciding)  # fmt: skip


BASE = [0.90, 0.91, 0.89, 0.90, 0.92, 0.90]
BETTER = [0.93, 0.93, 0.92, 0.94, 0.94, 0.92]


def noisy(*scores):
    """A bench on which the baseline has scored these without any change."""
    found, point = bench(), SimpleNamespace
    runs = [
        SimpleNamespace(phase="noise", status="finished", at=lambda _, score=score: point(score=score))
        for score in scores
    ]
    found.driver.ledger.trials.update(enumerate(runs, 1))
    return found


@pytest.mark.parametrize(
    ("gain", "wanted"),
    [
        (-0.01, 0),  # the confirmation saw none
        (0.0, 0),
        (0.001, MOST_PAIRS),  # no number of pairs shows so little
        (0.01, 27),  # half of it is half an SD of a difference
        (0.02, 8),
        (1.0, 2),
    ],
)
def test_smaller_gains_want_more_pairs(gain, wanted):
    """As many as show half of the gain with 80 % power; the plan asks for six at least."""
    contender = Contender(trial(3, Recipe(lr=0.01)), (0.9 + gain,) * 4, (0.9,) * 4, (1, 2, 3, 4), 0.9 + gain)
    assert pairs_wanted(noisy(0.89, 0.90, 0.91, 0.90, 0.90), contender) == wanted


def test_a_clear_gain_is_adopted():
    found = judged(BETTER, BASE)
    assert found.verdict == "adopted"
    assert found.difference.score == pytest.approx(sum(BETTER) / 6 - sum(BASE) / 6)
    assert 0 < found.lower < found.difference.score
    assert found.difference.interval[0] < found.lower, "the one-sided bound is nearer than the two-sided one"


def test_for_a_loss_smaller_is_better():
    assert judged(BASE, BETTER, greater=False).verdict == "adopted"
    assert judged(BETTER, BASE, greater=False).verdict == "rejected"


def test_too_few_pairs_show_nothing_however_clear():
    found = judged(BETTER[:5], BASE[:5])
    assert found.verdict == "not shown"
    assert "1 more pairs" in found.missing


def test_a_gain_below_the_price_is_not_adopted():
    assert judged(BETTER, BASE, price=0.02).verdict != "adopted"


def test_a_clear_loss_is_rejected():
    assert judged(BASE, BETTER).verdict == "rejected"


def test_noise_is_not_shown_and_says_what_it_would_take():
    found = judged([0.90, 0.93, 0.88, 0.91, 0.90, 0.93], BASE)
    assert found.verdict == "not shown"
    assert "more pairs of runs" in found.missing


def test_selection_alone_never_adopts():
    assert judged(BETTER, BASE, deciding=False).verdict == "not shown"


def test_without_pairs_nothing_is_claimed():
    found = judged([], [])
    assert found.verdict == "not shown"
    assert found.n == 0
    assert math.isnan(found.difference.score)


def test_equal_scores_everywhere_are_not_shown():
    assert judged(BASE, BASE).verdict == "not shown"


def test_a_budget_of_trials_is_told_in_trials():
    assert "2 more trials" in judged(BETTER[:5], BASE[:5], unit="trials").missing


def test_the_ledger_names_what_changed():
    assert judged(BETTER, BASE).change.settings == {"lr": (0.001, 0.01)}
