"""What the columns of a table are, and their numbers: every value of a table becomes a float32, or NaN if missing.

The kinds are told from the values of the training file as a whole; they say how a value is written down, not what a
model makes of it. Which columns a model sees is decided by `luthier.data.layout`, what is done to their numbers by
`luthier.data.preparation`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from luthier.codec import Record
from luthier.errors import InvalidInput, listed

if TYPE_CHECKING:
    import polars as pl

Array = npt.NDArray[Any]
Kind = Literal["number", "boolean", "category", "date", "left out"]
MISSING_WORDS = ("", "na", "n/a", "nan", "null", "none", "?", "-", "#n/a", "<na>")
"""Texts that mean "no value", whatever their case."""
TRUE, FALSE = "true", "false"
FORMATS = ("%Y-%m-%d", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y/%m/%d", "%d.%m.%Y")
"""Spellings of dates that can be read one way only; 03/04/2020 is none of them."""
CYCLES = {"month": 12.0, "weekday": 7.0, "hour": 24.0}
"""Parts of a date that come round again: sine and cosine of them put December beside January."""
FAR = 100.0
"""Numbers so many times as large as their range are stored less the middle of it: float32 has 7 digits."""
DAY = 86_400_000_000
"""Microseconds."""


class Column(Record, frozen=True, kw_only=True):
    """One column of a table.

    Args:
        kind: how it is read; "left out" columns are not.
        why: the reason of the kind, for people.
        parts: names of the numbers that it becomes: itself, or the parts of a date.
        codes: of a category: value -> its number.
        format: of a date that is written as text.
        offset: taken off before the number is stored as float32.
        num_missing, num_values: rows without a value, different values.
    """

    name: str
    kind: Kind
    why: str = ""
    parts: tuple[str, ...] = ()
    codes: dict[str, int] = {}
    format: str = ""
    offset: float = 0.0
    num_missing: int = 0
    num_values: int = 0


class Schema(Record, frozen=True, kw_only=True):
    """The columns of a table in the order of the file, those with a role of their own (target, group) left away."""

    columns: tuple[Column, ...]

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of the numbers of a row."""
        return tuple(part for column in self.columns for part in column.parts)

    def encode(self, frame: pl.DataFrame, where: str) -> Array:
        """The numbers of a frame's rows: float32 [n, parts], NaN where a value is missing.

        A category that the training file did not have is -1.

        Raises:
            InvalidInput: a column is missing, or a value is not what the column holds.
        """
        used = [column for column in self.columns if column.parts]
        check_columns(frame.columns, [column.name for column in used], where)
        out = np.empty((frame.height, len(self.parts)), np.float32)
        types, at = frame.schema, 0
        plain: dict[int, Column] = {}  # by its place: numbers already
        for column in used:
            end = at + len(column.parts)
            if column.kind == "number" and types[column.name].is_numeric():
                plain[at] = column
            else:
                out[:, at:end] = _numbers(frame[column.name], column, where)
            at = end
        if plain:
            out[:, list(plain)] = _plain(frame, list(plain.values()))
        return out


def check_columns(known: list[str], wanted: list[str], where: str) -> None:
    """Refuse a table that lacks a column.

    Raises:
        InvalidInput: names the column and the nearest that there is.
    """
    import difflib

    for name in wanted:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1) or [
                k for k in known if k.strip().lower() == name.strip().lower()
            ]
            raise InvalidInput(
                f"there is no column {name!r}",
                must=f"one of {listed(known, 12)}" if known else "a table with columns",
                where=where,
                remedy=f"Did you mean {near[0]!r}?" if near else "",
            )


def cleaned(column: pl.Expr) -> pl.Expr:
    """A text without the blanks around it; null where it says that there is no value."""
    import polars as pl

    text = column.cast(pl.String).str.strip_chars()
    return pl.when(~text.str.to_lowercase().is_in(MISSING_WORDS)).then(text)


def without_gaps(series: pl.Series) -> pl.Series:
    """A series of texts, `cleaned`."""
    import polars as pl

    return series.to_frame().select(cleaned(pl.col(series.name)))[series.name]


def is_text(dtype: pl.DataType) -> bool:
    """Is a column of this type written as text?"""
    import polars as pl

    return dtype in (pl.String, pl.Categorical, pl.Enum)


def _numbers(series: pl.Series, column: Column, where: str) -> Array:
    """float64 [n, parts] of one column."""

    if is_text(series.dtype):
        series = without_gaps(series)
    match column.kind:
        case "number":
            values = _real(series, column, where)[:, None] - column.offset
        case "boolean":
            values = _truths(series, column, where)[:, None]
        case "category":
            values = _codes(series, column)[:, None]
        case _:
            values = _date_parts(series, column, where)
    return values


def _plain(frame: pl.DataFrame, columns: list[Column]) -> Array:
    """float64 [n, columns] of columns that are numbers already: all at once, since a table can have thousands."""
    import polars as pl

    values: Array = frame.select(pl.col([column.name for column in columns]).cast(pl.Float64)).to_numpy(writable=True)
    values[~np.isfinite(values)] = math.nan
    values -= [column.offset for column in columns]
    return values


def _real(series: pl.Series, column: Column, where: str) -> Array:
    import polars as pl

    if not (series.dtype.is_numeric() or is_text(series.dtype) or series.dtype in (pl.Boolean, pl.Null)):
        raise _other(column, f"values of type {series.dtype}", where)
    found = series.cast(pl.Float64, strict=False)
    bad = series.is_not_null() & found.is_null()
    if bad.any():
        raise _other(column, repr(series.filter(bad)[0]), where)
    values = found.to_numpy().astype(np.float64)
    return np.where(np.isfinite(values), values, math.nan)


def _truths(series: pl.Series, column: Column, where: str) -> Array:
    import polars as pl

    words = series.cast(pl.String).str.to_lowercase()
    known = words.replace_strict(
        [TRUE, "1", "1.0", FALSE, "0", "0.0"], [1, 1, 1, 0, 0, 0], default=None, return_dtype=pl.Float64
    )
    if known.null_count() > series.null_count():
        raise _other(column, repr(series.filter(known.is_null() & series.is_not_null())[0]), where)
    return known.to_numpy().astype(np.float64)


def _codes(series: pl.Series, column: Column) -> Array:
    import polars as pl

    words = series.cast(pl.String)
    codes = words.replace_strict(
        list(column.codes), list(column.codes.values()), default=-1, return_dtype=pl.Int64
    ).cast(pl.Float64)
    return np.where(words.is_null().to_numpy(), math.nan, codes.to_numpy())


def _date_parts(series: pl.Series, column: Column, where: str) -> Array:
    """Days, and sine and cosine of month, weekday and hour, as far as `column.parts` names them."""
    import polars as pl

    times = as_times(series, column.format)
    if times is None or (times.null_count() > series.null_count()):
        raise _other(column, repr(next((v for v in series.to_list() if v is not None), None)), where)
    days = times.cast(pl.Int64).to_numpy() / DAY
    found = {
        "month": times.dt.month().cast(pl.Float64).to_numpy() - 1,
        "weekday": times.dt.weekday().cast(pl.Float64).to_numpy() - 1,
        "hour": (days % 1.0) * 24.0,
    }
    out = []
    for part in column.parts:
        name, _, what = part.removeprefix(column.name).strip(" ").partition(" ")
        if name == "days":
            out.append(days - column.offset)
        else:
            turn = 2 * math.pi * found[name] / CYCLES[name]
            out.append(np.sin(turn) if what == "sine" else np.cos(turn))
    return np.stack(out, axis=1)


def as_times(series: pl.Series, format: str) -> pl.Series | None:
    """A series of moments in microseconds; null where a text is no date of this format; None: it is no date."""
    import polars as pl

    whole = pl.Datetime("us")
    if series.dtype == pl.Datetime:
        return series.dt.replace_time_zone(None).cast(whole)
    if series.dtype == pl.Date:
        return series.cast(whole)
    if is_text(series.dtype) and format:
        if "%H" in format:
            return series.cast(pl.String).str.to_datetime(format, strict=False, time_unit="us", exact=True)
        return series.cast(pl.String).str.to_date(format, strict=False, exact=True).cast(whole)
    if series.dtype == pl.Null:
        return series.cast(whole)
    return None


def _other(column: Column, seen: str, where: str) -> InvalidInput:
    return InvalidInput(
        f"column {column.name!r} holds {seen}",
        must=f"a {column.kind}, as in the training rows",
        where=where,
        remedy="Mend the value, or leave it empty",
    )
