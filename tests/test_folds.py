"""A configuration on K folds: what it counts for, and when it is given up. Trials made by hand."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import luthier
from luthier import folds
from luthier.records import History, Metric, Point, Trial

ACCURACY = Metric(name="accuracy", greater_is_better=True)
LOSS = Metric(name="loss", greater_is_better=False)
CONSTANT = 0.1


def trial(number, score, *, fold_of=None, fold=0, status="finished"):
    """A trial at its end, or without a report."""
    phase = "fold" if fold_of is not None else "search" if number else "noise"
    curve = () if status != "finished" else (Point(step=9, fraction=1.0, train_loss=1.0, val_loss=1.0, score=score),)
    return Trial(
        id=number,
        phase=phase,
        config={"x": number},
        recipe=luthier.Recipe(),
        seed=number,
        split_seed=fold,
        num_steps=9,
        fold_of=fold_of,
        status=status,
        curve=curve,
    )


def on_folds(number, scores):
    """A configuration with these scores, fold by fold; its further trials are numbered by the hundred."""
    others = [trial(100 * number + k, s, fold_of=number, fold=k) for k, s in enumerate(scores) if k]
    return [trial(number, scores[0]), *others]


BEST = on_folds(1, [0.9, 0.8, 0.7])  # mean .8, worst .7
BASELINE = [trial(0, 0.6), *(msgspec.structs.replace(t, phase="noise") for t in on_folds(9, [0, 0.6, 0.6])[1:])]
BASELINE = [msgspec.structs.replace(t, fold_of=0) if t.id else t for t in BASELINE]


def alive(*more, metric=ACCURACY, num=3):
    """Ids of the configurations that go on."""
    found = folds.standings([*BASELINE, *BEST, *more], CONSTANT)
    return [one.leader.id for one in folds.alive(found, metric, num)]


def test_a_configuration_goes_on_until_its_mean_is_behind_the_worst_fold_of_the_incumbent():
    """Forgiving: a mean of .75 is behind that of the incumbent, and not behind its worst fold."""
    assert alive(*on_folds(2, [0.75])) == [2]
    assert alive(*on_folds(2, [0.7])) == [2]
    assert alive(*on_folds(2, [0.69])) == []
    assert alive(*on_folds(2, [0.9, 0.49])) == []
    assert alive(*on_folds(2, [0.5, 0.95])) == [2]


def test_a_rule_that_asks_for_the_mean_of_the_incumbent_would_be_noticed(monkeypatch):
    monkeypatch.setattr(folds, "bar", lambda best, metric: metric.utility(best.mean))
    with pytest.raises(AssertionError):
        test_a_configuration_goes_on_until_its_mean_is_behind_the_worst_fold_of_the_incumbent()


def test_a_rule_that_never_gives_up_would_be_noticed(monkeypatch):
    monkeypatch.setattr(folds, "bar", lambda best, metric: float("-inf"))
    with pytest.raises(AssertionError):
        test_a_configuration_goes_on_until_its_mean_is_behind_the_worst_fold_of_the_incumbent()


def test_the_incumbent_has_all_folds_and_the_best_mean():
    few = on_folds(2, [0.99, 0.99])
    found = folds.standings([*BASELINE, *BEST, *few], CONSTANT)
    assert folds.incumbent(found, ACCURACY, 3).leader.id == 1
    assert folds.incumbent(found, LOSS, 3).leader.id == 0
    assert folds.incumbent(folds.standings(few, CONSTANT), ACCURACY, 3) is None


def test_until_a_configuration_has_all_folds_none_is_given_up():
    found = folds.standings([trial(0, 0.9), *on_folds(2, [0.1])], CONSTANT)
    assert [one.leader.id for one in folds.alive(found, ACCURACY, 3)] == [2]


def test_the_best_mean_goes_first_and_what_is_complete_is_done():
    assert alive(*on_folds(2, [0.75]), *on_folds(3, [0.8, 0.9]), *on_folds(4, [0.9, 0.9, 0.8])) == [3]
    assert alive(*on_folds(2, [0.75]), *on_folds(3, [0.8, 0.9])) == [3, 2]


def test_a_fold_that_broke_counts_as_the_best_constant_prediction():
    for status in ("diverged", "failed"):
        broken = [trial(2, 0.9), trial(200, 0.0, fold_of=2, fold=1, status=status)]
        (one,) = folds.standings(broken, CONSTANT)
        assert one.scores == ((0, 0.9), (1, CONSTANT))
        assert one.next_fold(3) == 2


def test_a_fold_that_was_cut_off_is_missing_and_one_at_work_is_told():
    cut = [trial(2, 0.9), trial(200, 0.0, fold_of=2, fold=1, status="stopped")]
    (one,) = folds.standings(cut, CONSTANT)
    assert (one.next_fold(3), one.at_work) == (1, False)
    (one,) = folds.standings([*cut, trial(201, 0.0, fold_of=2, fold=1, status="running")], CONSTANT)
    assert (one.next_fold(3), one.at_work) == (1, True)


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=6))
def test_who_compares_sees_one_trial_with_the_mean(scores):
    trials = [trial(0, 0.5), *on_folds(1, scores)]
    history = History(metric=ACCURACY, trials=tuple(folds.Merged(CONSTANT)(trials)))
    seen = history.search()
    assert [t.id for t in seen] == [0, 1]
    assert history.utility(seen[1]) == pytest.approx(sum(scores) / len(scores))
    assert [t.id for t in history.trials] == [t.id for t in trials]


def test_what_has_not_changed_is_the_same_object():
    """Tables of thousands of trials read only what is new."""
    merged, trials = folds.Merged(CONSTANT), [trial(0, 0.5), *on_folds(1, [0.9, 0.8]), *on_folds(2, [0.7, 0.6])]
    before, after = merged(trials), merged([*trials, trial(300, 0.1, fold_of=2, fold=2)])
    assert before[1] is after[1]
    assert before[3] is not after[3]
    assert before[3] != trials[3]
