"""Rows that are dicts and tuples of arrays."""

import numpy as np
import pytest

from luthier import Data
from luthier.data import trees
from luthier.errors import InvalidInput

RNG = np.random.default_rng(0)
ROWS = {
    "ids": RNG.integers(0, 1000, (12, 5)),
    "seen": RNG.random((12, 5)) > 0.5,
    "more": (RNG.normal(size=12).astype(np.float32), RNG.normal(size=(12, 2, 3)).astype(np.float32)),
}


def same(one, other):
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[k], other[k]) for k in one)
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return one.dtype.kind == other.dtype.kind and np.array_equal(one, other)


def test_packing_loses_nothing():
    """Keys, order, shapes, values and kinds of numbers come back."""
    (rows,), tree = trees.pack([ROWS], where="here")
    assert rows.shape == (12, len(tree)) == (12, 17)
    assert same(tree.arrays(rows), ROWS)
    assert np.array_equal(tree.pack(ROWS, where="here"), rows)


def test_sequences_of_several_lengths_are_padded_and_counted():
    """Zeros fill them up, and their lengths are told beside them."""
    data = Data({"x": [np.arange(1, n + 1) for n in range(1, 9)], "y": np.arange(8.0)})
    found = data.tree.arrays(data.inputs)
    assert found["x"].shape == (8, 8)
    assert found["x_length"].tolist() == list(range(1, 9))
    assert found["x"].sum(1).tolist() == [n * (n + 1) // 2 for n in range(1, 9)]
    assert data.kind == "own"


def test_inputs_may_be_a_tree_beside_targets():
    data = Data((ROWS, [0, 1] * 6), val=(ROWS, [0, 1] * 6))
    assert (data.kind, data.num_given_val, len(data.inputs)) == ("binary", 12, 24)
    train, val = data.split(data.test_rows(0), 0)
    assert len(train) > 0 < len(val)


def test_items_of_a_data_set_may_be_trees():
    """Each is a row; the numbers keep their kind."""

    class Texts:
        def __len__(self):
            return 300

        def __getitem__(self, i):
            return {"ids": np.arange(4) + i, "mask": np.ones(4, bool), "label": i % 2}

    data = Data(Texts())
    assert {leaf.name: leaf.dtype for leaf in data.tree.leaves} == {"ids": "int64", "mask": "bool", "label": "int64"}
    assert data.tree.arrays(data.inputs)["ids"][299].tolist() == [299, 300, 301, 302]


def test_a_draw_in_a_data_set_of_trees_is_told():
    draw = np.random.default_rng(0)

    class Drawn:
        def __len__(self):
            return 9

        def __getitem__(self, i):
            return {"x": draw.normal(size=3)}

    with pytest.warns(UserWarning, match="draw random numbers"):
        Data(Drawn())


BAD = [
    ({"a": np.zeros(3), "b": np.zeros(4)}, "rows a: 3, b: 4: `as many in every array` must hold (data)."),
    (
        {"a": np.array(["x"] * 5)},
        "a is of type <U1: `an array of numbers, one entry a row on its first axis` must hold (data).",
    ),
    (
        {"a": 3},
        "a is a single int64 value: `an array of numbers, one entry a row on its first axis` must hold (data).",
    ),
    (
        {"a": np.array([1 << 30])},
        "a holds the whole number 1073741824: `whole numbers up to 16,777,216` must hold (data). "
        "Number the values from 0, or pass them as real numbers.",
    ),
    (
        {"a": [[1], [1, 2]], "a_length": [1, 2]},
        "'a' holds sequences of several lengths, and 'a_length' is there: `'a_length' is free for the lengths that "
        "luthier adds` must hold (data). Rename 'a_length', or pad 'a' yourself.",
    ),
    ({}, "0 arrays: `at least one array` must hold (data)."),
]


@pytest.mark.parametrize(("tree", "said"), BAD)
def test_bad_trees_are_refused_in_words(tree, said):
    with pytest.raises(InvalidInput) as caught:
        Data(tree)
    assert str(caught.value) == said


def test_parts_are_of_one_form():
    with pytest.raises(InvalidInput, match="trees of several forms: `the same keys in all parts`"):
        Data({"a": np.zeros(5)}, val={"b": np.zeros(5)})
    with pytest.raises(InvalidInput, match="the validation rows have no targets"):
        Data((np.zeros((5, 2)), [0, 1, 0, 1, 0]), val=np.zeros((5, 2)))
    with pytest.raises(InvalidInput, match="prepare_scale='standard': `data of one array`"):
        Data({"a": np.zeros((5, 2))}).touches({"scale": "standard"})


def test_labels_that_go_together_are_told_from_their_columns():
    y = RNG.integers(0, 2, (60, 3))
    data = Data(RNG.normal(size=(60, 2)), y)
    assert (data.kind, data.num_outputs, data.targets.dtype) == ("multilabel", 3, np.float32)
    with pytest.raises(InvalidInput, match="class 1 is in none of the rows"):
        Data(RNG.normal(size=(60, 2)), y * np.array([1, 0, 1]))
    assert Data(RNG.normal(size=(60, 2)), y.astype(float)).kind == "regression"
