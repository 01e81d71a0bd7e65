"""Tables from files and frames: what is read, and what is refused in which words."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from data.tables import csv_of, shop
from luthier import Data
from luthier.errors import InvalidInput


def same(a: Data, b: Data) -> bool:
    """Were the same rows read?"""
    return np.array_equal(a.inputs, b.inputs, equal_nan=True) and np.array_equal(a.targets, b.targets)


def laid_out(path, **more) -> Data:
    """Read, and the inputs of the model decided."""
    data = Data(path, **more)
    return data.laid_out(data.test_rows(0))


def test_every_form_of_a_table_gives_the_same_rows(tmp_path):
    frame = shop()
    frame.write_parquet(tmp_path / "x.parquet")
    files = [
        csv_of(frame, tmp_path / "x.csv"),
        csv_of(frame, tmp_path / "x.tsv", separator="\t"),
        csv_of(frame, tmp_path / "semicolon.csv", separator=";"),
        tmp_path / "x.parquet",
    ]
    forms = [*files, frame, frame.lazy(), frame.to_dicts(), frame.to_dict(as_series=False)]
    read = [Data(form, target="churn") for form in forms]
    assert all(same(read[0], other) for other in read[1:])
    assert read[0].labels == ("no", "yes")
    assert read[0].kind == "binary"


@pytest.mark.parametrize("library", ["pandas", "pyarrow"])
def test_frames_of_other_libraries_give_the_same_rows(library):
    pytest.importorskip(library)
    frame = shop()
    if library == "pandas":
        import pandas

        other = pandas.DataFrame(frame.to_dict(as_series=False))
    else:
        import pyarrow

        other = pyarrow.table(frame.to_dict(as_series=False))
    assert same(Data(other, target="churn"), Data(frame, target="churn"))


def test_missing_values_are_known_in_all_their_spellings(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text(
        "a,y\n" + "".join(f"{word},{i % 2}\n" for i, word in enumerate(["1", "NA", "?", "", " nan ", "2"] * 4))
    )
    numbers = Data(path, target="y").inputs[:, 0]
    assert np.isnan(numbers).sum() == 16
    assert set(numbers[~np.isnan(numbers)]) == {1.0, 2.0}


def test_rows_without_a_target_are_left_out_and_counted():
    frame = shop().with_columns(
        pl.when(pl.int_range(pl.len()) < 7).then(None).otherwise(pl.col("churn")).alias("churn")
    )
    data = Data(frame, target="churn")
    assert len(data.inputs) == 113
    assert data.notes == ("7 of the training rows had no target and were left out",)


def test_other_encodings_are_read_when_they_are_named(tmp_path):
    path = tmp_path / "x.csv"
    path.write_bytes(("caf\u00e9,y\n" + "\u00e9,1\n\u00e8,0\n" * 10).encode("latin-1"))
    with pytest.raises(InvalidInput, match=r"x.csv is not written in UTF-8.*Save it as UTF-8, or .*encoding="):
        Data(path, target="y")
    assert Data(path, target="y", encoding="latin-1").schema.columns[0].codes == {"\u00e8": 0, "\u00e9": 1}


def test_own_validation_and_test_rows_are_read_as_the_training_rows(tmp_path):
    frame = shop()
    val = csv_of(frame[60:80].select(reversed(frame.columns)), tmp_path / "val.csv")  # the order of columns is free
    data = Data(frame[:60], target="churn", val=val, test=frame[80:])
    assert (data.num_given_val, data.num_given_test) == (20, 40)
    whole = data.schema.encode(frame, "here")
    assert np.array_equal(data.inputs, whole, equal_nan=True)


GOOD = "a,b,y\n" + "1,x,0\n2,z,1\n" * 10
RAGGED = "Mend the line; a text that holds the separator stands in double quotes."
BAD = [
    ("", {}, "PATH is empty: `a line of column names, then rows` must hold."),
    ("a,b,y\n", {}, "0 rows: `at least one row` must hold (PATH)."),
    ("\n\n", {}, "the first line of PATH is empty: `a line of column names, then rows` must hold."),
    (
        "y\n" + "0\n1\n" * 9,
        {},
        "no column besides the target: `columns from which it is predicted` must hold (PATH). "
        "Give a table with more columns.",
    ),
    (GOOD, {"target": 2}, "target=2: `the name of a column, or several` must hold (data)."),
    (
        GOOD.replace("y", "churn"),
        {"target": "chrun"},
        "there is no column 'chrun': `one of a, b, churn` must hold (PATH). Did you mean 'churn'?",
    ),
    (GOOD, {"target": "Y "}, "there is no column 'Y ': `one of a, b, y` must hold (PATH). Did you mean 'y'?"),
    (
        GOOD,
        {"target": ()},
        "no target: `target= names the column that is to be predicted` must hold (PATH). One of a, b, y.",
    ),
    (
        GOOD + "3,x\n",
        {},
        f"line 22 has 2 fields: `3 fields, as the first line has` must hold (PATH). {RAGGED}",
    ),
    (
        GOOD + "3,x,1,4\n",
        {},
        f"line 22 has 4 fields: `3 fields, as the first line has` must hold (PATH). {RAGGED}",
    ),
    (
        "a,a,y\n1,2,0\n",
        {},
        "column 'a' is there 2 times: `each column has a name of its own` must hold (PATH). "
        "Rename one of them in the first line.",
    ),
    (
        GOOD + "ten,x,0\n",
        {},
        "column 'a' holds 20 numbers and 1 texts, the first 'ten': `numbers, or texts` must hold (PATH). "
        "Mend the texts or leave them empty, or say categories=['a'].",
    ),
    (
        "a;b;y\n" + "1,5;x;0\n2,75;z;1\n" * 10,
        {},
        "column 'a' holds numbers with a comma, the first '1,5': `numbers with a decimal point, and nothing between "
        "thousands` must hold (PATH). Save the file so, or say categories=['a'].",
    ),
    (
        "a,y\n" + "1,\n" * 9,
        {},
        "column 'y' has no value in 9 rows: `a target in some rows at least` must hold (PATH). "
        "Name the column that is to be predicted.",
    ),
    (
        "a,y\n" + "1,no\n2,no\n" * 9,
        {},
        "column 'y' holds one class, 'no': `at least two classes` must hold (PATH). "
        "Name the column that is to be predicted, or give rows of the other class.",
    ),
    (
        GOOD + "3,x,2\n",
        {"kind": "multiclass"},
        "y='2' has 1 row: `at least 3 rows of every class: training, validation, test` must hold (PATH). "
        "Join rare classes, or leave their rows out.",
    ),
    (
        "a,y\n" + "1,no\n1,yes\n" * 9,
        {},
        "no column is left as an input: `a column that is not the same in all rows` must hold (data). "
        "Give a table with more columns.",
    ),
    (GOOD, {"kind": "regresion"}, "kind='regresion': `one of binary, multiclass, regression` must hold (data)."),
    (
        "a,y\n" + "1,no\n2,yes\n" * 9,
        {"kind": "regression"},
        "column 'y' holds no finite number in 18 rows, first in row 1: `a number in every row` must hold (PATH). "
        "Mend these values, or say kind='multiclass' if they are names of classes.",
    ),
    (
        GOOD,
        {"time": "b"},
        "column 'b' has no date or number in row 1: `a date (2024-01-31) or a number in every row that is split in "
        "time` must hold (PATH). Mend these values, or split in another way.",
    ),
]


@pytest.mark.parametrize(("text", "more", "said"), BAD)
def test_bad_tables_are_refused_in_words(tmp_path, text, more, said):
    path = tmp_path / "x.csv"
    path.write_text(text)
    with pytest.raises(InvalidInput) as caught:
        laid_out(path, **{"target": "y", **more})
    assert str(caught.value) == said.replace("PATH", str(path))


def test_files_that_are_not_there_or_no_parquet_are_refused(tmp_path):
    with pytest.raises(InvalidInput, match=r"no.csv does not exist \(training rows\). Check the path.$"):
        Data(tmp_path / "no.csv", target="y")
    for name in ("no.npz", "no folder"):
        with pytest.raises(InvalidInput, match=rf"{name} does not exist \(data\). Check the path.$"):
            Data(tmp_path / name)
    with pytest.raises(InvalidInput, match=r"no.csv does not exist \(validation rows\). Check the path.$"):
        Data(shop(), target="churn", val=tmp_path / "no.csv")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(InvalidInput, match=r"folder.csv cannot be read: Is a directory. Check the path.$"):
        Data(tmp_path / "folder.csv", target="y")
    (tmp_path / "picture.csv").write_bytes(b"\x89PNG\r\n\x1a\n\xff\xfe")
    with pytest.raises(InvalidInput, match=r"picture.csv is not written in UTF-8 at byte 0: `text in UTF-8` must"):
        Data(tmp_path / "picture.csv", target="y")
    (tmp_path / "x.parquet").write_bytes(b"not parquet at all")
    with pytest.raises(InvalidInput, match=r"x.parquet cannot be read"):
        Data(tmp_path / "x.parquet", target="y")
    (tmp_path / "x.xlsx").write_bytes(b"x")
    with pytest.raises(InvalidInput, match=r"x.xlsx is of no kind that is read"):
        Data(tmp_path / "x.xlsx", target="y")


def test_a_class_that_only_the_test_rows_have_is_refused():
    frame = shop()
    other = frame[100:].with_columns(pl.lit("perhaps").alias("churn"))
    with pytest.raises(InvalidInput, match="churn='perhaps': `a class that the training rows have`"):
        Data(frame[:100], target="churn", test=other)


def test_a_test_table_without_a_column_is_refused_with_the_nearest_name():
    frame = shop()
    with pytest.raises(InvalidInput, match=r"there is no column 'age'.*Did you mean 'ages'"):
        Data(frame[:100], target="churn", test=frame[100:].rename({"age": "ages"}))


def test_blanks_around_the_names_of_columns_do_not_count(tmp_path):
    (tmp_path / "x.csv").write_text("a, b, y\n" + "1, x, 0\n2, z, 1\n" * 10)
    (tmp_path / "plain.csv").write_text(GOOD)
    assert same(*(Data(tmp_path / name, target="y") for name in ("x.csv", "plain.csv")))


def test_rows_of_another_form_beside_a_table_are_refused():
    with pytest.raises(InvalidInput) as caught:
        Data(shop(), target="churn", test=(np.zeros((3, 2)), np.zeros(3)))
    assert str(caught.value) == (
        "rows of type tuple: `a table, as the training rows are` must hold (test rows). "
        "Pass the path of a CSV or Parquet file, or a data frame."
    )


def test_numbers_with_a_comma_are_names_where_somebody_says_so(tmp_path):
    (tmp_path / "x.csv").write_text("a;b;y\n" + "1,5;x;0\n2,75;z;1\n" * 10)
    assert Data(tmp_path / "x.csv", target="y", categories=("a",)).schema.columns[0].codes == {"1,5": 0, "2,75": 1}
