"""What is counted of the columns of a table, batch by batch: memory does not grow with the rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from luthier.data.files import collected
from luthier.data.schema import FALSE, TRUE, cleaned, is_text

if TYPE_CHECKING:
    import polars as pl

MOST_VALUES = 10_000
"""A category has at most so many different values; the frequent ones are all that a model sees of it."""
SAMPLE = 1000
"""First rows, in which the spelling of dates is looked for."""


class Tally(NamedTuple):
    """What was counted: `facts` by column, `values` of the columns that may be categories, the first rows.

    Facts: "known" rows with a value, "values" different ones (of texts, all batches together as far as a category may
    have them; else those of the richest batch, or "known" where no batch held one twice), "numbers", "commas",
    "truths", "words", "low", "high", "whole", and the first text that is no number, "odd".
    """

    num_rows: int
    facts: dict[str, dict[str, Any]]
    values: dict[str, pl.Series]
    sample: pl.DataFrame


def _first(a: Any, b: Any) -> Any:
    return b if a is None else a


def _known(pick: Callable[..., Any]) -> Callable[[Any, Any], Any]:
    """A rule for two answers, of which either may be missing."""
    return lambda a, b: b if a is None else a if b is None else pick(a, b)


_added = _known(lambda a, b: a + b)
MERGED: dict[str, Callable[[Any, Any], Any]] = {
    "low": _known(min),
    "high": _known(max),
    "whole": _known(lambda a, b: a and b),
    "odd": _first,
    "values": max,
}
"""How the answers of two batches become one; all others are added."""


def tally(table: pl.LazyFrame, categories: Sequence[str], where: str) -> Tally:
    """Count all columns of a table.

    Args:
        categories: numbers of which the values are wanted too.
    """
    types = table.collect_schema()
    questions = [question for name in types.names() for question in _questions(name, types[name])]
    wanted = [name for name in types.names() if is_text(types[name]) or name in categories]
    facts: dict[str, dict[str, Any]] = {name: {} for name in types.names()}
    values: dict[str, pl.Series] = {}
    sample = table.head(SAMPLE).collect()
    num_rows, repeats = 0, set[str]()
    for batch in collected(table, where):
        num_rows += batch.height
        answers = batch.select(questions).row(0, named=True) if questions else {}
        for key, answer in answers.items():
            name, _, what = key.partition("\n")
            facts[name][what] = MERGED.get(what, _added)(facts[name][what], answer) if what in facts[name] else answer
            if what == "values" and answer < answers[f"{name}\nknown"]:
                repeats.add(name)
        for name in wanted:
            values[name] = _joined(values.get(name), batch, name)
    for name, told in facts.items():
        if told and name not in repeats:
            told["values"] = told["known"]
        if name in values and len(values[name]) <= MOST_VALUES:
            told["values"] = len(values[name])
    return Tally(num_rows, facts, values, sample)


def _joined(before: pl.Series | None, batch: pl.DataFrame, name: str) -> pl.Series:
    """The different values so far; those beyond the most that a category may have are not kept."""
    import polars as pl

    found = batch.select(cleaned(pl.col(name)).drop_nulls().unique())[name]
    if before is None:
        return found.head(MOST_VALUES + 1)
    return before if len(before) > MOST_VALUES else before.append(found).unique().head(MOST_VALUES + 1)


def _questions(name: str, dtype: pl.DataType) -> list[pl.Expr]:
    """What is asked of a column in each batch."""
    import polars as pl

    column = pl.col(name)
    asked: dict[str, pl.Expr] = {}
    if is_text(dtype):
        text = cleaned(column)
        number = text.cast(pl.Float64, strict=False)
        asked = {
            "known": text.count(),
            "values": text.n_unique() - (text.null_count() > 0).cast(pl.UInt32),
            "numbers": number.count(),
            "commas": text.str.contains(r"^[+-]?\d+(,\d+)+(\.\d+)?$").sum(),
            "truths": text.str.to_lowercase().is_in([TRUE, FALSE]).sum(),
            "words": (text.str.count_matches(r"\s+") + 1).sum(),
            "low": number.min(),
            "high": number.max(),
            "whole": (number == number.round(0)).all(),
            "odd": text.filter(number.is_null() & text.is_not_null()).first(),
        }
    elif dtype.is_numeric():
        number = pl.when(column.cast(pl.Float64).is_finite()).then(column)
        asked = {
            "known": number.count(),
            "values": number.drop_nulls().n_unique(),
            "low": number.min().cast(pl.Float64),
            "high": number.max().cast(pl.Float64),
            "whole": pl.lit(dtype.is_integer()),
        }
    elif dtype.is_temporal() or dtype == pl.Boolean:
        asked = {"known": column.count(), "values": column.drop_nulls().n_unique()}
    return [e.alias(f"{name}\n{what}") for what, e in asked.items()]
