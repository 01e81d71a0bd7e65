"""Rows, their roles, and what is refused."""

import numpy as np
import pytest

from luthier import Data
from luthier.data import preparation
from luthier.errors import InvalidInput

X = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)
Y = np.arange(60) % 3


def test_roles_are_disjoint_and_cover_all_rows():
    data = Data(X, Y)
    test = data.test_rows(1)
    train, val = data.split(test, 5)
    assert sorted([*test, *train, *val]) == list(range(60))


def test_test_rows_do_not_depend_on_the_split():
    data = Data(X, Y)
    test = data.test_rows(1)
    assert np.array_equal(data.test_rows(1), test)
    assert not set(test) & set(np.concatenate([np.concatenate(data.split(test, s)) for s in range(9)]))


def test_splits_keep_the_share_of_each_class():
    data = Data(X, Y)
    _, val = data.split(data.test_rows(1), 5)
    assert np.bincount(Y[val]).tolist() == [3, 3, 4] or np.ptp(np.bincount(Y[val])) <= 1


def test_given_test_rows_are_the_test_rows():
    data = Data(X[:50], Y[:50], test=(X[50:], Y[50:]))
    assert data.test_rows(3).tolist() == list(range(50, 60))


def test_hash_names_content_and_not_order():
    data = Data(X, Y)
    rows = np.arange(10)
    assert data.hash_of(rows) == data.hash_of(rows[::-1])
    assert data.hash_of(rows) != data.hash_of(rows + 1)


def test_kinds_are_guessed_from_the_targets():
    assert Data(X, Y % 2).kind == "binary"
    assert Data(X, Y).kind == "multiclass"
    assert Data(X, X[:, 0]).kind == "regression"


@pytest.mark.parametrize(
    ("inputs", "targets", "says"),
    [
        (X, Y[:5], "as many of each"),
        (X[:0], Y[:0], "at least one row"),
        (np.where(X > 2, np.nan, X), Y, "not finite"),
        (X, np.zeros(60, int), "one class"),
        (X, Y - 1, "class indices from 0"),
    ],
)
def test_bad_rows_are_refused_in_words(inputs, targets, says):
    with pytest.raises(InvalidInput, match=says):
        Data(inputs, targets)


def test_preparation_is_fitted_on_the_training_rows_only():
    rows = np.arange(30)
    fitted = preparation.fit(X, rows, {"scale": "standard"})
    shifted = X.copy()
    shifted[30:] += 100
    assert np.array_equal(fitted["shift"], preparation.fit(shifted, rows, {"scale": "standard"})["shift"])
    seen = preparation.apply(X, fitted)[:30]
    assert np.allclose(seen.mean(0), 0, atol=1e-6)
    assert np.allclose(seen.std(0), 1, atol=1e-6)


def test_a_constant_feature_becomes_zero():
    flat = np.ones((10, 2), np.float32)
    fitted = preparation.fit(flat, np.arange(5), {"scale": "min-max"})
    assert np.all(preparation.apply(flat, fitted) == 0)


def test_unknown_preparation_is_refused():
    with pytest.raises(InvalidInput, match="scale"):
        preparation.fit(X, np.arange(5), {"scael": "standard"})
