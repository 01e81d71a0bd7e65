"""What the columns of a table are."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.tables import shop
from luthier import Data
from luthier.data.kinds import infer
from luthier.errors import InvalidInput


def kinds(frame, target="churn", **more):
    """Column -> (kind, why)."""
    return {c.name: (c.kind, c.why) for c in Data(frame, target=target, **more).schema.columns}


def test_kinds_are_told_from_the_values():
    told = kinds(shop())
    assert told == {
        "customer_id": ("left out", "it counts the rows"),
        "age": ("number", "numbers"),
        "town": ("category", "texts that come again"),
        "member": ("boolean", "true and false"),
        "since": ("date", "dates: days, and what comes round again"),
        "country": ("category", "texts that come again"),
        "note": ("left out", "free text: sentences are not read from a table"),
        "spent": ("number", "numbers"),
    }


def test_names_of_rows_are_no_inputs():
    frame = shop().with_columns(
        pl.Series("code", [f"k{i:03d}x" for i in range(120)]),
        pl.Series("user_id", np.random.default_rng(0).permutation(9999)[:120]),
    )
    told = kinds(frame)
    assert told["code"] == ("left out", "120 values in 120 rows: it names the rows")
    assert told["user_id"][0] == "left out"


def test_numbers_that_differ_in_every_row_are_measurements_unless_their_name_says_otherwise():
    frame = shop().with_columns(pl.Series("price", np.random.default_rng(0).permutation(9999)[:120]))
    assert kinds(frame)["price"] == ("number", "numbers")


def test_numbers_that_are_names_are_categories_when_somebody_says_so():
    frame = shop().with_columns(pl.Series("zip", [53111, 69001, 10121] * 40))
    assert kinds(frame)["zip"][0] == "number"
    assert kinds(frame, categories=("zip",))["zip"] == ("category", "as you said")


def test_text_of_a_file_and_types_of_a_frame_mean_the_same(tmp_path):
    frame = shop()
    frame.write_csv(tmp_path / "x.csv")
    typed = frame.with_columns(pl.col("since").str.to_date())
    assert kinds(tmp_path / "x.csv") == kinds(typed)
    parts = [Data(source, target="churn").inputs for source in (tmp_path / "x.csv", typed)]
    assert np.array_equal(*parts, equal_nan=True)


@pytest.mark.parametrize("written", ["%Y-%m-%d", "%d.%m.%Y", "%Y/%m/%d", "%Y-%m-%d %H:%M:%S"])
def test_dates_are_read_in_the_spellings_that_can_be_read_one_way(written):
    days = [dt.datetime(2024, 1, 30, 6) + dt.timedelta(days=i) for i in range(30)]
    frame = pl.DataFrame(
        {"day": [d.strftime(written) for d in days], "x": range(30), "y": [0.5 + i for i in range(30)]}
    )
    data = Data(frame, target="y")
    steps = np.diff(data.inputs[:, 0])
    assert data.schema.columns[0].kind == "date"
    assert np.allclose(steps, 1.0)


def test_december_lies_beside_january():
    frame = pl.DataFrame(
        {"day": [dt.date(2023, 12, 31), dt.date(2024, 1, 1), dt.date(2024, 6, 30)] * 4, "y": [0.5, 1, 2] * 4}
    )
    data = Data(frame, target="y")
    at = [data.schema.parts.index(f"day month {wave}") for wave in ("sine", "cosine")]
    december, january, june = data.inputs[:3, at]
    assert np.linalg.norm(december - january) < 0.3 * np.linalg.norm(june - january)


def test_large_numbers_keep_their_differences():
    """float32 alone would round seconds since 1970 to minutes."""
    seconds = 1_700_000_000 + np.random.default_rng(0).permutation(900)[:500]
    data = Data(pl.DataFrame({"t": seconds, "y": np.arange(500) / 7}), target="y")
    assert np.array_equal(np.diff(data.inputs[:, 0]), np.diff(seconds))


def test_nested_values_are_left_out_with_the_reason():
    frame = shop().with_columns(pl.Series("pair", [[1, 2]] * 120))
    assert kinds(frame)["pair"][1].endswith("are not read")


def test_the_kind_of_the_target_is_guessed_from_its_values():
    frame = shop().with_columns(pl.Series("stars", [1, 2, 3] * 40), pl.Series("flag", [0.0, 1.0] * 60))
    assert Data(frame, target="spent").kind == "regression"
    assert Data(frame, target="stars").labels == ("1", "2", "3")
    assert Data(frame, target="flag").labels == ("0", "1")
    assert Data(frame, target="stars", kind="regression").kind == "regression"
    assert Data(frame, target="member").labels == ("false", "true")


def test_several_real_targets_are_read_together():
    frame = shop().with_columns(pl.col("spent").alias("twice") * 2)
    data = Data(frame, target=("spent", "twice"))
    assert data.num_outputs == 2
    assert np.allclose(data.targets[:, 1], 2 * data.targets[:, 0])


def test_a_value_that_is_no_number_is_refused_in_new_rows():
    data = Data(shop(), target="churn")
    with pytest.raises(InvalidInput, match="column 'age' holds 'old': `a number, as in the training rows`"):
        data.schema.encode(shop().with_columns(pl.lit("old").alias("age")), "new rows")


words = st.text("abcxyz ", min_size=1, max_size=6).filter(lambda w: w.strip() not in ("", "na"))


@given(st.lists(st.one_of(st.none(), st.sampled_from(["red", "green", "dark blue"])), min_size=1, max_size=30))
def test_codes_of_a_category_can_be_read_back(values):
    frame = pl.DataFrame(
        {"c": [*values, "red", "green"], "n": range(len(values) + 2)}, schema={"c": pl.String, "n": pl.Int64}
    )
    schema, _ = infer(frame.lazy(), {}, (), "here")
    column = schema.columns[0]
    numbers = schema.encode(frame, "here")[:, 0]
    back = {code: word for word, code in column.codes.items()}
    assert [None if np.isnan(x) else back[int(x)] for x in numbers] == [*values, "red", "green"]


@given(st.lists(st.one_of(st.none(), st.floats(-1e6, 1e6, width=32)), min_size=2, max_size=40))
def test_numbers_survive_whatever_the_gaps(values):
    frame = pl.DataFrame(
        {"n": values, "m": [1.5 * i for i in range(len(values))]}, schema={"n": pl.Float64, "m": pl.Float64}
    )
    schema, num = infer(frame.lazy(), {}, (), "here")
    assert num == len(values)
    column = schema.columns[0]
    if column.kind == "number":
        found = schema.encode(frame, "here")[:, 0].astype(np.float64) + column.offset
        expected = np.array([np.nan if v is None else v for v in values])
        assert np.allclose(found, expected, rtol=1e-6, atol=1e-6, equal_nan=True)


@pytest.mark.parametrize("num", [50, 70_000, 140_000])
def test_what_is_counted_does_not_depend_on_the_batches(num):
    """More rows than a batch holds: values, extremes, gaps and names of rows are those of the whole table."""
    rng = np.random.default_rng(num)
    frame = pl.DataFrame(
        {
            "row_id": rng.permutation(num * 2)[:num],
            "word": [f"w{i % 7}" if i % 5 else None for i in range(num)],
            "late": ["first"] * (num - 1) + ["last"],
            "key": [f"key{i}" for i in range(num)],
            "number": rng.normal(size=num),
        }
    )
    schema, count = infer(frame.lazy(), {}, (), "here")
    told = {c.name: c for c in schema.columns}
    assert count == num
    assert [told[n].kind for n in frame.columns] == ["left out", "category", "category", "left out", "number"]
    assert set(told["word"].codes) == {f"w{i}" for i in range(7)}
    assert set(told["late"].codes) == {"first", "last"}
    assert told["word"].num_missing == frame["word"].null_count()
    assert told["row_id"].num_values == num
