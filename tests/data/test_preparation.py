"""What is fitted on the training rows, and what is done to which rows."""

from __future__ import annotations

import json
import tracemalloc

import msgspec
import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import preprocessing
from sklearn.impute import SimpleImputer

from data.tables import shop
from data.twins import fitted_on_all_rows
from luthier import Data
from luthier.data import preparation
from luthier.data.record import Table, report_of, table_of
from luthier.errors import InvalidInput

TRAIN = np.arange(80, dtype=np.int32)
SCALERS = {
    "standard": preprocessing.StandardScaler(),
    "min-max": preprocessing.MinMaxScaler(),
    "robust": preprocessing.RobustScaler(),
    "quantile": preprocessing.QuantileTransformer(n_quantiles=80, output_distribution="normal", random_state=0),
}


def laid_out(frame=None, target="churn", **more) -> Data:
    """A table with its inputs decided on all rows but the last 20."""
    frame = shop() if frame is None else frame
    return Data(frame, target=target, **more).laid_out(np.arange(len(frame) - 20, len(frame)))


def block(data: Data, out, kind: str):
    """The inputs of one kind."""
    return out[:, [i for i, f in enumerate(data.layout.features) if f.kind == kind]]


def names(data: Data, kind: str) -> list[str]:
    """Their names."""
    return [f.name for f in data.layout.of(kind)]


@pytest.mark.parametrize("scale", SCALERS)
def test_numbers_become_what_scikit_learn_makes_of_them(scale):
    data = laid_out()
    settings = {"scale": scale, "missing": "mean"}
    out, _ = data.prepared(data.fit(TRAIN, settings), TRAIN)
    raw = data.inputs[:, [f.part for f in data.layout.of("number")]].astype(np.float64)
    filled = SimpleImputer(strategy="mean").fit(raw[TRAIN]).transform(raw)
    expected = SCALERS[scale].fit(filled[TRAIN]).transform(filled)
    assert np.allclose(block(data, out, "number"), expected, atol=1e-5)


@pytest.mark.parametrize("how", ["median", "mean", "most_frequent"])
def test_gaps_are_filled_as_scikit_learn_fills_them(how):
    data = laid_out()
    out, _ = data.prepared(data.fit(TRAIN, {"scale": "none", "missing": how}), TRAIN)
    raw = data.inputs[:, [f.part for f in data.layout.of("number")]].astype(np.float64)
    assert np.isnan(raw).any()
    assert np.allclose(block(data, out, "number"), SimpleImputer(strategy=how).fit(raw[TRAIN]).transform(raw))


def only_training_rows_count(fit) -> None:
    """The promise: whatever the other rows hold, the numbers stay."""
    data = laid_out()
    for settings in ({"scale": "standard"}, {"scale": "quantile"}, {"scale": "robust", "clip": 0.05}):
        before = fit(data, TRAIN, settings)
        other = laid_out()
        changed = np.array(other.inputs)
        changed[80:] = changed[80:] * 3 + 1
        object.__setattr__(other, "inputs", changed)
        after = fit(other, TRAIN, settings)
        assert all(np.array_equal(before[name], after[name], equal_nan=True) for name in before)


def test_every_number_is_fitted_on_the_training_rows_only():
    only_training_rows_count(Data.fit)


def test_a_fit_that_looks_at_other_rows_is_noticed():
    with pytest.raises(AssertionError):
        only_training_rows_count(fitted_on_all_rows)


def test_clipping_touches_training_rows_only():
    frame = shop().with_columns(
        pl.when(pl.int_range(pl.len()).is_in([3, 100])).then(1e4).otherwise("spent").alias("spent")
    )
    data = laid_out(frame)
    column = names(data, "number").index("spent")
    out, _ = data.prepared(data.fit(TRAIN, {"scale": "none", "clip": 0.05}), TRAIN)
    assert out[3, column] < 200
    assert out[100, column] == 1e4
    unclipped, _ = data.prepared(data.fit(TRAIN, {"scale": "none"}), TRAIN)
    assert np.array_equal(unclipped[80:], out[80:])


def test_rare_and_unseen_categories_share_an_input():
    data = laid_out()
    assert names(data, "category") == ["town=Bonn", "town=Lyon", "town=Turin"]
    assert names(data, "other") == ["town=other"]
    assert [f.name for f in data.layout.of("gap")] == ["age missing", "town missing"]
    fitted = data.fit(TRAIN, {})
    new = shop()[:3].with_columns(pl.Series("town", ["Oslo", "Paris", "Bonn"]))
    out = preparation.apply(data.schema.encode(new, "here"), fitted, layout=data.layout)
    assert block(data, out, "other").ravel().tolist() == [1.0, 1.0, 0.0]
    assert block(data, out, "category").tolist() == [[0, 0, 0], [0, 0, 0], [1, 0, 0]]


def test_an_unseen_category_is_all_zeros_where_no_training_row_was_rare():
    data = laid_out(shop()[2:])
    fitted = data.fit(TRAIN, {})
    out = preparation.apply(data.schema.encode(shop()[:1], "here"), fitted, layout=data.layout)
    assert names(data, "other") == []
    assert not block(data, out, "category").any()


def test_a_category_that_the_training_rows_lack_says_nothing():
    frame = shop()[2:].with_columns(
        pl.when(pl.int_range(pl.len()) < 80).then(pl.lit("Bonn")).otherwise("town").alias("town")
    )
    data = laid_out(frame)
    out, _ = data.prepared(data.fit(TRAIN, {}), TRAIN)
    columns = names(data, "category")
    assert len(columns) > 1
    assert not block(data, out, "category")[80:, columns.index("town=Lyon")].any()


def test_columns_without_information_are_left_out_with_the_reason():
    data = laid_out()
    assert data.layout.left_out == {"country": "it is the same in all rows"}


def test_the_view_of_gaps_can_be_taken_away_without_another_width():
    data = laid_out()
    with_gaps, _ = data.prepared(data.fit(TRAIN, {}), TRAIN)
    without, _ = data.prepared(data.fit(TRAIN, {"indicator": False}), TRAIN)
    assert with_gaps.shape == without.shape
    assert block(data, with_gaps, "gap").any()
    assert not block(data, without, "gap").any()


@given(st.lists(st.floats(-1e4, 1e4, width=32), min_size=4, max_size=30))
def test_scaled_targets_are_undone(values):
    targets = np.array(values, np.float32)
    fitted = preparation.fit(
        np.zeros((len(values), 1)), np.arange(len(values)), {"target": "standard"}, targets=targets
    )
    trained = preparation.to_training(targets, fitted)
    back = preparation.from_training(trained[:, None], fitted)[:, 0]
    assert np.allclose(back, targets, atol=1e-5 * max(1.0, np.abs(targets).max()))


def test_several_targets_are_each_scaled_by_their_own():
    targets = np.random.default_rng(0).normal([0, 100], [1, 30], (50, 2)).astype(np.float32)
    fitted = preparation.fit(np.zeros((50, 1)), np.arange(50), {"target": "standard"}, targets=targets)
    trained = preparation.to_training(targets, fitted)
    assert np.allclose(trained.mean(0), 0, atol=1e-5)
    assert np.allclose(trained.std(0), 1, atol=1e-5)


def test_arrays_are_left_alone_unasked():
    x = np.random.default_rng(0).normal(size=(30, 3)).astype(np.float32)
    data = Data(x, np.arange(30) % 2)
    assert not data.touches({})
    assert data.fit(np.arange(20), {}) == {}
    inputs, _ = data.prepared({}, np.arange(20))
    assert inputs is data.inputs


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"scael": "standard"}, "only scale, target, missing, indicator, clip"),
        ({"scale": "log"}, "prepare_scale='log': `scale is one of none, standard, min-max, robust, quantile`"),
        ({"clip": 0.5}, "prepare_clip=0.5: `0 <= clip < 0.25`"),
        ({"missing": "drop"}, "missing is one of median, mean, most_frequent"),
    ],
)
def test_unknown_settings_are_refused(settings, said):
    with pytest.raises(InvalidInput, match=said.replace("(", r"\(")):
        laid_out().fit(TRAIN, settings)


def test_settings_of_tables_are_refused_for_arrays():
    with pytest.raises(InvalidInput, match="only scale, target, clip"):
        preparation.fit(np.zeros((9, 2)), np.arange(5), {"missing": "mean"})


def test_new_rows_are_prepared_from_plain_json_and_arrays():
    data = laid_out()
    fitted = data.fit(TRAIN, {"scale": "quantile"})
    assert all(isinstance(array, np.ndarray) and array.dtype.kind == "f" for array in fitted.values())
    table = Table.of(json.loads(json.dumps(msgspec.to_builtins(table_of(data)))))
    out, _ = data.prepared(fitted, np.zeros(0, int))
    again = preparation.apply(table.numbers(shop().to_dicts()), fitted, layout=table.layout)
    assert np.array_equal(out, again)
    assert set(table.schema.columns[2].codes) == {"Bonn", "Lyon", "Turin"}  # what no input looks at is not kept


def test_report_says_what_was_done_and_why():
    data = laid_out(target="spent", kind="regression")
    test = np.arange(100, 120)
    train, val = data.split(test, 0)
    told = report_of(data, data.fit(train, preparation.DEFAULTS), val_rows=val, test_rows=test)
    done = {c.name: c for c in told.columns}
    assert done["note"].done == "left out"
    assert done["note"].why.startswith("free text")
    assert done["country"].why == "it is the same in all rows"
    assert done["age"].done.startswith("gaps filled with")
    assert done["town"].done == "an input for each of 3 values, one for all others, an input says where it is missing"
    assert sum(c.num_inputs for c in told.columns) == data.num_inputs
    assert any("target is trained on" in note for note in told.notes)


def test_report_says_what_became_of_rows_that_are_there_twice():
    """In the test rows: left out of training. By nature: kept. No such rows: not a word."""
    frame = shop()

    def notes(data: Data) -> list[str]:
        test = data.test_rows(0)
        data = data.laid_out(test)
        train, val = data.split(test, 0)
        told = report_of(data, data.fit(train, preparation.DEFAULTS), val_rows=val, test_rows=test)
        return [note for note in told.notes if "training rows" in note and "equal" in note]

    twice = Data(pl.concat([frame[:100], frame[100:104]]), target="churn", test=frame[100:], val=frame[:0:-13])
    assert notes(Data(frame[:100], target="churn", test=frame[100:])) == []
    told = "{} training rows equal a validation or test row and were left out of training"
    assert notes(twice) in ([told.format(n)] for n in range(4, 12))
    cells = pl.DataFrame({"a": ["x", "z"] * 60, "b": [1, 2, 3] * 40, "y": ["no", "yes", "no", "yes"] * 30})
    (natural,) = notes(Data(cells, target="y"))
    assert natural.endswith("training rows equal a held-out row: rows repeat by nature here, all are kept")


@pytest.mark.parametrize("scale", SCALERS)
def test_each_feature_of_wide_rows_is_fitted_as_if_alone_in_little_more_memory_than_the_rows(scale):
    wide = np.random.default_rng(0).normal(size=(2_000, 10, 70)).astype(np.float32)
    rows, some = np.arange(len(wide)), (3, slice(60, 70))
    alone = preparation.fit(wide[:, *some], rows, {"scale": scale})
    tracemalloc.start()
    try:
        fitted = preparation.fit(wide, rows, {"scale": scale})
        assert tracemalloc.get_traced_memory()[1] < 2.5 * wide.nbytes  # copies as float64 would be 2 each
    finally:
        tracemalloc.stop()
    assert fitted.keys() == alone.keys()
    assert all(np.allclose(fitted[name][..., *some], alone[name], rtol=1e-12) for name in alone)
