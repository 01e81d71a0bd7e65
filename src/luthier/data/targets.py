"""The target column of a table: classes with their names, or real values."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from luthier.codec import Record
from luthier.data.schema import cleaned
from luthier.errors import InvalidInput

if TYPE_CHECKING:
    import polars as pl

Array = npt.NDArray[Any]
KINDS = ("binary", "multiclass", "regression")
FEW_CLASSES = 20
"""Whole numbers of so few different values are classes, where each comes ten times on average."""
MOST_CLASSES = 1000
ROWS_A_CLASS = 3
"""One row of a class for training, one for validation, one for test."""


class Target(Record, frozen=True, kw_only=True):
    """What is predicted: the columns by name, the kind of task, and the classes in the order of their numbers."""

    names: tuple[str, ...]
    kind: str
    labels: tuple[str, ...] = ()

    def known(self) -> pl.Expr:
        """True where a row has all of its targets."""
        import polars as pl

        return pl.all_horizontal(cleaned(pl.col(name)).is_not_null() for name in self.names)

    def encode(self, frame: pl.DataFrame, where: str) -> Array:
        """Class numbers int64 [n], or values float32 [n] ([n, k] with several targets).

        Raises:
            InvalidInput: a class that the training rows did not have, or a value that is no number.
        """
        values = np.stack([self._one(frame, name, where) for name in self.names], axis=1)
        if self.kind != "regression":
            return values[:, 0].astype(np.int64)
        return np.ascontiguousarray(values[:, 0] if len(self.names) == 1 else values, np.float32)

    def _one(self, frame: pl.DataFrame, name: str, where: str) -> Array:
        import polars as pl

        if self.kind == "regression":
            return _real(frame.select(_number(name))[name], name, where)
        words = frame.select(_word(name, frame.schema[name]))[name]
        codes = words.replace_strict(
            list(self.labels), list(range(len(self.labels))), default=None, return_dtype=pl.Int64
        )
        if codes.null_count():
            new = words.filter(codes.is_null())[0]
            raise InvalidInput(
                f"{name}={new!r}",
                must="a class that the training rows have",
                where=where,
                remedy=f"Known: {', '.join(self.labels[:12])}",
            )
        return codes.to_numpy().astype(np.float64)


def find_target(table: pl.LazyFrame, names: tuple[str, ...], kind: str, where: str) -> tuple[Target, int]:
    """(the target, number of rows that have one) of a table.

    Raises:
        InvalidInput: no value at all, one class, too few rows of a class, too many classes, or texts where numbers
            are meant.
    """
    if kind and kind not in KINDS:
        raise InvalidInput(f"kind={kind!r}", must=f"one of {', '.join(KINDS)}", where="data")
    types = table.collect_schema()
    num_known = _count(table, names, where)
    if len(names) > 1 or kind == "regression":
        return Target(names=names, kind="regression"), num_known
    name = names[0]
    words = table.select(_word(name, types[name])).drop_nulls()
    counted = words.group_by(name).len().sort("len", descending=True).collect(engine="streaming")
    counts = {str(word): int(n) for word, n in counted.iter_rows()}
    if not kind and not _are_classes(types[name], counts, num_known):
        return Target(names=names, kind="regression"), num_known
    _check_classes(name, counts, where)
    labels = sorted(counts, key=_order)
    told = "binary" if len(labels) == 2 else "multiclass"
    if kind == "binary" and told != kind:
        raise InvalidInput(
            f"column {name!r} holds {len(labels)} classes", must="two, as kind='binary' says", where=where
        )
    return Target(names=names, kind=told, labels=tuple(labels)), num_known


def _count(table: pl.LazyFrame, names: tuple[str, ...], where: str) -> int:
    import polars as pl

    known = pl.all_horizontal(cleaned(pl.col(name)).is_not_null() for name in names)
    rows, num = table.select(pl.len().alias("rows"), known.sum().alias("known")).collect(engine="streaming").row(0)
    if rows == 0:
        raise InvalidInput("0 rows", must="at least one row", where=where)
    if not num:
        raise InvalidInput(
            f"column {', '.join(map(repr, names))} has no value in {rows} rows",
            must="a target in some rows at least",
            where=where,
            remedy="Name the column that is to be predicted",
        )
    return int(num)


def _are_classes(dtype: pl.DataType, counts: dict[str, int], num_rows: int) -> bool:
    """Texts and truth values are classes, whole numbers where they are few and come again."""
    import polars as pl

    if dtype == pl.Boolean:
        return True
    numbers = [_as_number(word) for word in counts]
    if any(math.isnan(number) for number in numbers):
        return True
    whole = all(number == round(number) for number in numbers)
    return whole and len(counts) <= FEW_CLASSES and num_rows >= 10 * len(counts)


def _check_classes(name: str, counts: dict[str, int], where: str) -> None:
    if len(counts) < 2:
        raise InvalidInput(
            f"column {name!r} holds one class, {next(iter(counts), '')!r}",
            must="at least two classes",
            where=where,
            remedy="Name the column that is to be predicted, or give rows of the other class",
        )
    if len(counts) > MOST_CLASSES:
        raise InvalidInput(
            f"column {name!r} holds {len(counts)} classes",
            must=f"at most {MOST_CLASSES}",
            where=where,
            remedy="Is it the column that is to be predicted? Numbers become real values by kind='regression'",
        )
    rare = {word: n for word, n in counts.items() if n < ROWS_A_CLASS}
    if rare:
        word, n = next(iter(rare.items()))
        more = f" ({len(rare)} such classes)" if len(rare) > 1 else ""
        raise InvalidInput(
            f"{name}={word!r} has {n} row{'s' if n > 1 else ''}{more}",
            must=f"at least {ROWS_A_CLASS} rows of every class: training, validation, test",
            where=where,
            remedy="Join rare classes, or leave their rows out",
        )


def _word(name: str, dtype: pl.DataType) -> pl.Expr:
    """A class as a text: 1.0 and 1 are one class."""
    import polars as pl

    if dtype.is_float():
        column = pl.col(name)
        whole = (column == column.round(0)).all() & column.is_not_nan().any()
        return (
            pl.when(whole)
            .then(column.cast(pl.Int64, strict=False).cast(pl.String))
            .otherwise(cleaned(column))
            .alias(name)
        )
    return cleaned(pl.col(name)).alias(name)


def _number(name: str) -> pl.Expr:
    import polars as pl

    text = cleaned(pl.col(name))
    number = text.cast(pl.Float64, strict=False)
    return pl.when(number.is_null() & text.is_not_null()).then(math.nan).otherwise(number).alias(name)


def _real(series: pl.Series, name: str, where: str) -> Array:
    values: Array = series.to_numpy().astype(np.float64)
    bad = np.flatnonzero(~np.isfinite(values))
    if len(bad):
        raise InvalidInput(
            f"column {name!r} holds no finite number in {len(bad)} rows, first in row {int(bad[0]) + 1}",
            must="a number in every row",
            where=where,
            remedy="Mend these values, or say kind='multiclass' if they are names of classes",
        )
    return values


def _as_number(word: str) -> float:
    try:
        return float(word)
    except ValueError:
        return math.nan


def _order(word: str) -> tuple[float, str]:
    """Numbers by size, texts by the alphabet after them."""
    number = _as_number(word)
    return (math.inf, word) if math.isnan(number) else (number, word)
