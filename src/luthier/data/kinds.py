"""Which kind each column of a table is, told from its values."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec.structs import replace

from luthier.data.schema import (
    CYCLES,
    DAY,
    FAR,
    FORMATS,
    Column,
    Schema,
    as_times,
    without_gaps,
)
from luthier.data.tally import MOST_VALUES, tally
from luthier.errors import InvalidInput

if TYPE_CHECKING:
    import polars as pl

ALMOST = 0.9
"""A column of texts of which so many are numbers, and not all, is a mistake in the file, not a category."""
DISTINCT = 0.5
"""A column of texts with so many different values a row names its rows, or is free text: no category."""
FEW_ROWS = 20
"""From so many rows on it can be told that a column names them."""
WORDS = 3.0
"""Texts of so many words on average are sentences."""
NAMES_ROWS = re.compile(
    r"(?:^|[_\s.-])(?:id|uuid|guid|index|idx|rownum|row)$|^unnamed|^$|[a-z]Id$|[a-z]ID$", re.IGNORECASE
)


def infer(table: pl.LazyFrame, roles: dict[str, str], categories: Sequence[str], where: str) -> tuple[Schema, int]:
    """(the columns, number of rows) of a table; one pass over it, batch by batch.

    Args:
        roles: columns that are no inputs, or not as they stand: name -> "target", "group", "time".
        categories: numbers that are names, not amounts.

    Raises:
        InvalidInput: no rows, no columns left, or a column that holds numbers and texts.
    """
    types = table.collect_schema()
    names = [name for name in types.names() if roles.get(name) not in ("target", "group")]
    if not names:
        raise InvalidInput(
            "no column besides the target",
            must="columns from which it is predicted",
            where=where,
            remedy="Give a table with more columns",
        )
    told = tally(table.select(names), categories, where)
    if told.num_rows == 0:
        raise InvalidInput("0 rows", must="at least one row", where=where)
    columns = []
    for name in names:
        seen = Seen(told.num_rows, told.facts[name], told.sample[name], name in categories, where)
        columns.append(_column(name, types[name], seen))
    columns = [_of_time(c) if roles.get(c.name) == "time" else c for c in columns]
    columns = [_with_codes(c, told.values.get(c.name)) for c in columns]
    if not any(column.parts for column in columns):
        raise InvalidInput(
            "no column is left as an input",
            must="a column that says something of its rows",
            where=where,
            remedy="; ".join(f"{c.name}: {c.why}" for c in columns[:4]) or "Give a table with more columns",
        )
    return Schema(columns=tuple(columns)), told.num_rows


class Seen(NamedTuple):
    """What is known of a column: its answers, its first rows, and whether it is said to be a category."""

    num_rows: int
    facts: dict[str, Any]
    sample: pl.Series
    is_category: bool
    where: str

    @property
    def known(self) -> int:
        """Rows with a value."""
        return int(self.facts.get("known") or 0)


def _column(name: str, dtype: pl.DataType, seen: Seen) -> Column:
    """The kind of one column, by what is known of it."""
    import polars as pl

    num_values = int(seen.facts.get("values") or 0)
    column = Column(name=name, kind="left out", num_missing=seen.num_rows - seen.known, num_values=num_values)
    unread = not seen.facts or (dtype.is_temporal() and dtype not in (pl.Date, pl.Datetime))
    if unread or seen.known == 0:
        empty = dtype == pl.Null or not unread
        return replace(column, why="it has no values" if empty else f"values of type {dtype} are not read")
    if dtype in (pl.Date, pl.Datetime):
        return _date(column, seen.sample, "")
    if dtype == pl.Boolean or seen.facts.get("truths") == seen.known:
        return replace(column, kind="boolean", why="true and false", parts=(name,))
    if seen.is_category:
        return replace(column, kind="category", why="as you said", parts=(name,))
    if dtype.is_numeric() or seen.facts["numbers"] == seen.known:
        return _number(column, seen)
    return _text(column, seen)


def _number(column: Column, seen: Seen) -> Column:
    low, high, known = float(seen.facts["low"]), float(seen.facts["high"]), seen.known
    distinct = column.num_values == known and known >= FEW_ROWS
    counted = high - low + 1 == known
    if seen.facts["whole"] and distinct and (NAMES_ROWS.search(column.name) or counted):
        name_says = "by its name, and a value of its own in each row, it names them"
        return replace(column, why="it counts the rows" if counted else name_says)
    far = max(abs(low), abs(high)) > FAR * (high - low) > 0
    offset = (low + high) / 2 if far else 0.0
    return replace(column, kind="number", why="numbers", parts=(column.name,), offset=offset)


def _text(column: Column, seen: Seen) -> Column:
    num_numbers, num_values, known = seen.facts["numbers"], column.num_values, seen.known
    if num_numbers >= ALMOST * known:
        raise InvalidInput(
            f"column {column.name!r} holds {num_numbers} numbers and {known - num_numbers} texts, "
            f"the first {seen.facts['odd']!r}",
            must="numbers, or texts",
            where=seen.where,
            remedy=f"Mend the texts or leave them empty, or say categories=[{column.name!r}]",
        )
    if seen.facts["commas"] >= ALMOST * known:
        raise InvalidInput(
            f"column {column.name!r} holds numbers with a comma, the first {seen.facts['odd']!r}",
            must="numbers with a decimal point, and nothing between thousands",
            where=seen.where,
            remedy=f"Save the file so, or say categories=[{column.name!r}]",
        )
    format = _format(seen.sample)
    if format:
        return _date(column, seen.sample, format)
    if seen.facts["words"] >= WORDS * known and num_values > FEW_ROWS:
        return replace(column, why="free text: sentences are not read from a table")
    if known >= FEW_ROWS and num_values > DISTINCT * known:
        return replace(column, why=f"{num_values} values in {known} rows: it names the rows")
    if num_values > MOST_VALUES:
        return replace(column, why=f"more than {MOST_VALUES} different values")
    return replace(column, kind="category", why="texts that come again", parts=(column.name,))


def _format(sample: pl.Series) -> str:
    """The spelling in which every text of the sample is a date; "" if there is none."""
    texts = without_gaps(sample).drop_nulls()
    for format in FORMATS:
        times = as_times(texts, format)
        if len(texts) and times is not None and times.null_count() == 0:
            return format
    return ""


def _date(column: Column, sample: pl.Series, format: str) -> Column:
    times = as_times(without_gaps(sample) if format else sample, format)
    assert times is not None
    micros = times.drop_nulls().cast(int)
    clock = bool((micros % DAY != 0).any())
    cycles = [c for c in CYCLES if c != "hour" or clock]
    waves = (f"{column.name} {c} {wave}" for c in cycles for wave in ("sine", "cosine"))
    offset = float(int(micros[0]) // DAY) if len(micros) else 0.0
    why = "dates: days, and what comes round again"
    parts = (f"{column.name} days", *waves)
    return replace(column, kind="date", why=why, parts=parts, format=format, offset=offset)


def _of_time(column: Column) -> Column:
    """What a model may see of the column by which rows are ordered: not how late a row is, as later rows lie outside
    of all that was trained on."""
    if column.kind != "date":
        return replace(column, kind="left out", why="it orders the rows", parts=())
    parts = tuple(part for part in column.parts if not part.endswith(" days"))
    return replace(column, why="it orders the rows; what comes round again is kept", parts=parts)


def _with_codes(column: Column, values: pl.Series | None) -> Column:
    """A category with a number for each value, in the order of the alphabet; other columns as they are."""
    if column.kind != "category" or values is None:
        return column
    return replace(column, codes={value: i for i, value in enumerate(values.sort())})
