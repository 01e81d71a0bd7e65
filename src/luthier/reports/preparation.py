"""What was done to a table before training, column by column, and why."""

from __future__ import annotations

from luthier.findings import ColumnReport
from luthier.reports.model import Preparation, Table
from luthier.reports.numbers import count, plural
from luthier.reports.reading import Reading
from luthier.reports.words import clean, clip, label

MOST_COLUMNS = 200


def preparation(reading: Reading) -> Preparation | None:
    """The columns of the table; None where arrays were handed over: those are left as they are."""
    facts = reading.record.facts
    told = facts.preparation if facts else None
    if facts is None or told is None:
        return None
    used = [c for c in told.columns if c.num_inputs]
    sentence = (
        f"{plural(len(used), 'column')} of {count(len(told.columns))} became {plural(facts.num_inputs, 'input')} "
        f"of the model; {plural(told.num_rows, 'row')} were read."
    )
    settings = reading.record.baseline.preparation
    if settings:
        words = ", ".join(f"{label(name, 20)} {label(str(value), 20)}" for name, value in settings.items())
        sentence += f" The baseline prepares them so: {words}."
    shown = sorted(told.columns, key=lambda c: c.num_inputs > 0)[:MOST_COLUMNS]
    hidden = len(told.columns) - len(shown)
    notes = [*told.notes, *([f"{plural(hidden, 'further column')} not shown"] if hidden else [])]
    return Preparation(
        sentence=sentence,
        table=Table(
            columns=("column", "kind", "missing", "inputs", "what was done", "why"),
            rows=tuple(_row(column) for column in shown),
            numeric=frozenset({2, 3}),
        ),
        notes=tuple(clip(clean(note), 300) for note in notes),
    )


def _row(column: ColumnReport) -> tuple[str, ...]:
    return (
        label(column.name, 60),
        column.kind,
        count(column.num_missing),
        count(column.num_inputs),
        clip(clean(column.done), 160),
        clip(clean(column.why), 160),
    )
