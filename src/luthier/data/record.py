"""What was done to a table, in words for a report, and what a stored model needs for new rows."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec.structs import replace

from luthier.codec import Record, convert
from luthier.data import preparation, splits
from luthier.data.layout import Layout, used
from luthier.data.schema import Column, Schema
from luthier.data.tables import NATURAL_FRAC, Data
from luthier.data.tabular import new_rows
from luthier.findings import ColumnReport, PreparationReport

Array = npt.NDArray[Any]


class Stored(Record, frozen=True, kw_only=True):
    """A table as a model knows it: its columns, its inputs, and the name of what is predicted."""

    schema: Schema
    layout: Layout
    target: tuple[str, ...]


class Table(NamedTuple):
    """Raw rows -> inputs of a model, by what was stored of the table that it was trained on."""

    schema: Schema
    layout: Layout
    target: tuple[str, ...]

    @classmethod
    def of(cls, plain: dict[str, Any]) -> Table:
        """From `table_of`'s plain data."""
        told = convert(plain, Stored)
        return cls(told.schema, told.layout, told.target)

    def numbers(self, rows: Any) -> Array:
        """float32 [n, parts] of a table: the path of a CSV or Parquet file, a data frame, rows as dicts.

        Warns of values that no training row had. Where rare values share an input, they are taken for such.

        Raises:
            InvalidInput: not a table, or a column is missing or holds something else.
        """
        shared = {feature.part for feature in self.layout.of("other")}
        hot = {feature.part for feature in self.layout.of("category")} - shared
        return new_rows(rows, self.schema, whole=[self.schema.parts[part] for part in sorted(hot)])


def table_of(data: Data) -> dict[str, Any]:
    """What new rows need, as plain data; empty for arrays."""
    if data.schema is None or data.layout is None or data.read_target is None:
        return {}
    schema = used(data.schema, data.layout)
    plain: dict[str, Any] = msgspec.to_builtins(
        Stored(schema=schema, layout=data.layout, target=data.read_target.names)
    )
    return plain


def report_of(
    data: Data, fitted: preparation.Fitted, *, val_rows: Array, test_rows: Array
) -> PreparationReport | None:
    """What was done to a table and why, on the split of seed 0; None for arrays."""
    if data.schema is None or data.layout is None:
        return None
    columns, at = [], 0
    for column in data.schema.columns:
        span = range(at, at + len(column.parts))
        at += len(column.parts)
        columns.append(_of_column(column, data.layout, span, fitted))
    notes = [*data.notes, *_of_twins(data, val_rows, test_rows)]
    if "low" in fitted:
        notes.append("outlying values are clipped in training rows only")
    if "target_shift" in fitted:
        notes.append(
            "the target is trained on with mean 0 and variance 1; predictions and metrics are in its own units"
        )
    notes.append(
        "which columns and categories are inputs was decided on the rows that are not test rows, without the target; "
        "every number was fitted on the training rows of each split"
    )
    return PreparationReport(
        columns=tuple(columns), notes=tuple(notes), num_rows=len(data.inputs), table=table_of(data)
    )


def _of_column(column: Column, layout: Layout, span: range, fitted: preparation.Fitted) -> ColumnReport:
    features = [f for f in layout.features if f.part in span]
    reasons = {layout.left_out[part] for part in column.parts if part in layout.left_out}
    report = ColumnReport(
        name=column.name, kind=column.kind, why=column.why, num_missing=column.num_missing, num_inputs=len(features)
    )
    if not features:
        why = column.why if column.kind == "left out" else "; ".join(sorted(reasons))
        return replace(report, done="left out", why=why)
    numbers = [i for i, f in enumerate(layout.of("number")) if f.part in span]
    hot = [f for f in features if f.kind == "category"]
    rare = any(f.kind == "other" for f in features)
    gaps = any(f.kind == "gap" for f in features)
    done = []
    if hot:
        done.append(f"an input for each of {len(hot)} values" + (", one for all others" if rare else ""))
    if len(numbers) == 1 and column.num_missing:
        done.append(f"gaps filled with {fitted['fill'][numbers[0]] + column.offset:.4g}")
    if numbers and ("shift" in fitted or "quantiles" in fitted):
        done.append("scaled to a normal distribution by its quantiles" if "quantiles" in fitted else "scaled")
    if gaps:
        done.append("an input says where it is missing")
    if column.kind == "date":
        done.append(f"{len(numbers)} numbers")
    return replace(report, done=", ".join(done) or "as it is")


def _of_twins(data: Data, val: Array, test: Array) -> list[str]:
    """Rows that are there twice: what happened to them."""
    whole, _ = splits.split(data.roles, test, 0)
    twins = int(data.twins(whole, np.concatenate([val, test])).sum())
    if not twins:
        return []
    if twins > NATURAL_FRAC * len(whole):
        return [f"{twins} training rows equal a held-out row: rows repeat by nature here, all are kept"]
    return [f"{twins} training rows equal a validation or test row and were left out of training"]
