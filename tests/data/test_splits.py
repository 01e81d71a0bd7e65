"""Which rows are for what: drawn, by group, in time, given, in folds."""

from __future__ import annotations

import itertools

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.tables import shop
from luthier import Data
from luthier.data.splits import Roles, check, split, test_rows
from luthier.errors import InvalidInput

test_rows.__test__ = False  # it is no test: pytest goes by the name

KINDS = ("drawn", "by class", "by group", "in time", "given", "folds", "folds by group", "folds in time")


def roles(kind: str, num: int = 60, seed: int = 0) -> Roles:
    """Rows of each kind of split."""
    rng = np.random.default_rng(seed)
    whole = Roles(num, None)
    classes, groups, times = np.arange(num) % 3, rng.integers(0, 12, num), rng.permutation(num).astype(float)
    return {
        "drawn": whole,
        "by class": whole._replace(classes=classes),
        "by group": whole._replace(groups=groups),
        "in time": whole._replace(times=times),
        "given": whole._replace(classes=classes, num_val=12, num_test=9),
        "folds": whole._replace(classes=classes, folds=4),
        "folds by group": whole._replace(groups=groups, folds=4),
        "folds in time": whole._replace(times=times, folds=4),
    }[kind]


@pytest.mark.parametrize("kind", KINDS)
@given(seed=st.integers(0, 1 << 30))
def test_training_validation_and_test_rows_are_disjoint(kind, seed):
    told = roles(kind)
    test = test_rows(told, seed)
    train, val = split(told, test, seed)
    everything = np.concatenate([train, val, test])
    assert len(np.unique(everything)) == len(everything)
    assert min(len(train), len(val), len(test)) > 0
    assert everything.dtype == np.int32


@pytest.mark.parametrize("kind", KINDS)
def test_equal_seeds_give_equal_rows(kind):
    told = roles(kind)
    for seed in (0, 1, 7):
        test = test_rows(told, seed)
        assert np.array_equal(test, test_rows(told, seed))
        assert all(
            np.array_equal(a, b) for a, b in zip(split(told, test, seed), split(told, test, seed), strict=True)
        )


@pytest.mark.parametrize("kind", ["drawn", "by class", "by group"])
def test_a_fresh_seed_draws_fresh_validation_rows_where_rows_are_independent(kind):
    told = roles(kind)
    test = test_rows(told, 0)
    assert len({tuple(split(told, test, seed)[1]) for seed in range(8)}) > 5


@pytest.mark.parametrize("kind", ["in time", "given"])
def test_a_fixed_split_keeps_half_of_its_validation_rows_from_the_search(kind):
    """Seed 0 is what the search sees, seed 1 what its winner is judged on; the training rows are the same."""
    told = roles(kind)
    assert told.fixed
    test = test_rows(told, 0)
    (train, seen), (again, kept) = split(told, test, 0), split(told, test, 1)
    assert np.array_equal(train, again)
    assert not set(seen) & set(kept)
    assert abs(len(seen) - len(kept)) <= 1
    assert not roles("drawn").fixed


def test_classes_keep_their_shares():
    told = roles("by class")
    test = test_rows(told, 3)
    train, val = split(told, test, 3)
    for rows in (test, train, val):
        assert np.ptp(np.bincount(told.classes[rows])) <= 1


@given(st.integers(0, 1 << 30))
def test_rows_of_a_group_are_never_parted(seed):
    for kind in ("by group", "folds by group"):
        told = roles(kind)
        test = test_rows(told, seed)
        parts = [set(told.groups[rows]) for rows in (*split(told, test, seed), test)]
        assert not parts[0] & parts[1]
        assert not (parts[0] | parts[1]) & parts[2]


def test_later_rows_are_held_out():
    told = roles("in time")
    test = test_rows(told, 0)
    (train, seen), (_, kept) = split(told, test, 0), split(told, test, 1)
    ends = [(told.times[rows].min(), told.times[rows].max()) for rows in (train, seen, kept, test)]
    assert all(before[1] < after[0] for before, after in itertools.pairwise(ends))


def test_rows_of_one_moment_stay_together():
    told = Roles(60, None, times=np.repeat(np.arange(6.0), 10))
    test = test_rows(told, 0)
    train, val = split(told, test, 0)
    moments = [set(told.times[rows]) for rows in (train, val, test)]
    assert not moments[0] & moments[1]
    assert not moments[1] & moments[2]
    with pytest.raises(InvalidInput, match="all rows are of one moment"):
        test_rows(told._replace(times=np.zeros(60)), 0)


def test_every_row_that_is_no_test_row_is_validated_in_one_fold():
    for kind in ("folds", "folds by group"):
        told = roles(kind)
        test = test_rows(told, 0)
        held = np.concatenate([split(told, test, fold)[1] for fold in range(4)])
        assert sorted([*held, *test]) == list(range(60))
        assert np.array_equal(split(told, test, 1)[1], split(told, test, 5)[1])


def test_folds_in_time_train_on_what_came_before():
    told = roles("folds in time")
    test = test_rows(told, 0)
    for fold in range(4):
        train, val = split(told, test, fold)
        assert told.times[train].max() < told.times[val].min() < told.times[test].min()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"test_frac": 1.5}, "test_frac=1.5: `0 < test_frac < 1` must hold"),
        ({"folds": 1}, "folds=1: `2 folds or more, and no validation rows of your own`"),
        ({"folds": 3, "num_val": 5}, "folds=3: `2 folds or more, and no validation rows of your own`"),
        ({"groups": np.zeros(60, int)}, "1 groups: `at least 4` must hold"),
        ({"groups": np.arange(60) % 9, "num_test": 9}, "9 groups are in more than one of training"),
        ({"groups": np.arange(60) % 9, "times": np.arange(60.0)}, "group and time together"),
    ],
)
def test_what_cannot_be_divided_is_refused(more, said):
    with pytest.raises(InvalidInput, match=said.replace("(", r"\(")):
        check(Roles(60, None)._replace(**more))


def test_too_few_validation_rows_of_ones_own_are_refused():
    with pytest.raises(InvalidInput, match="3 validation rows: `at least 4: half of them are kept from the search`"):
        split(Roles(60, None, num_val=3, num_test=9), np.arange(51, 60), 0)


def test_columns_name_the_groups_and_the_time():
    frame = shop().with_columns(pl.Series("team", [f"t{i % 10}" for i in range(120)]))
    grouped, timed = Data(frame, target="churn", group="team"), Data(frame, target="churn", time="since")
    assert "team" not in [c.name for c in grouped.schema.columns]
    assert len(np.unique(grouped.group)) == 10
    assert timed.num_splits == 1
    assert "since days" not in timed.schema.parts  # later rows lie outside of all that was trained on
    assert "since month sine" in timed.schema.parts


def test_arrays_take_their_groups_and_times_as_arrays():
    x, y = np.random.default_rng(0).normal(size=(40, 2)), np.arange(40) % 2
    data = Data(x, y, group=[f"g{i // 4}" for i in range(40)])
    test = data.test_rows(0)
    train, val = data.split(test, 0)
    assert not set(data.group[train]) & set(data.group[np.concatenate([val, test])])
    assert Data(x, y, time=np.arange(40)).test_rows(0).tolist() == list(range(32, 40))
    with pytest.raises(InvalidInput, match=r"group of shape \(3,\): `a value for each of 40 rows`"):
        Data(x, y, group=[1, 2, 3])


def test_training_rows_that_equal_a_held_out_row_are_left_out():
    frame = shop()
    data = Data(pl.concat([frame[:100], frame[100:104]]), target="churn", test=frame[100:])
    test = data.test_rows(0)
    train, val = data.split(test, 0)
    assert not data.twins(train, np.concatenate([val, test])).any()
    assert not set(range(100, 104)) & set(train)
    assert len(train) + len(val) > 95


def test_rows_that_repeat_by_nature_are_kept():
    frame = pl.DataFrame({"a": ["x", "z"] * 60, "b": [1, 2, 3] * 40, "y": ["no", "yes", "no", "yes"] * 30})
    data = Data(frame, target="y")
    test = data.test_rows(0)
    train, val = data.split(test, 0)
    assert len(train) + len(val) + len(test) == 120
