"""The target stands among the inputs.

What it detects

One place in a row of the inputs that equals the row's target in every row, as it is, or up to a scale while no other
column is nearly as like it, in every looked-at training call.

Why it hurts

The net reads the answer. Scores on held-out rows are nearly perfect, since they hold their answer too; on new rows,
where it is not known, the net is worthless.

Evidence

Exact: the columns of the inputs against the target.

Mend

Wrong:

    X, y = table, table[:, -1]
    window, target = series[i:i + W], series[i + W - 1]

Right:

    X, y = table[:, :-1], table[:, -1]
    window, target = series[i:i + W], series[i + W]

When it keeps silent

Inputs of fewer than three columns; fewer than 48 rows; series of which a place other than the last is like the target
(they repeat themselves).

Source

Kaufman et al. 2012, "Leakage in Data Mining".
"""

from __future__ import annotations

from luthier.checks.reading import by_line
from luthier.checks.wording import plural
from luthier.findings import Finding, Unknown
from luthier.watching.calls import LossCall
from luthier.watching.facts import Shape
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "D27", "the target is among the inputs", "quick", ()
MIN_CALLS, MIN_ROWS = 2, 48
EARLY = 8
"""Calls that are judged: of later ones the rows may not have been kept."""


def judge(trace: Trace) -> list[Finding] | Unknown:
    """Looked-at training calls, line by line."""
    inputs = {f.number: f.input.shape for f in trace.forwards if f.input}
    found = []
    for _, calls in by_line(c for c in trace.losses if c.trained_by and c.sampled and not c.raised):
        early = calls[:EARLY]
        rows = sum(c.target.shape[0] for c in early if c.target and c.target.shape)
        shape = inputs.get(calls[0].forward, ())
        column = calls[0].column
        if len(early) < MIN_CALLS or rows < MIN_ROWS or column < 0 or any(c.column != column for c in early):
            continue
        if len(shape) == 2 or all(c.bit_equal and c.last for c in early):
            found.append(_finding(early, column, rows, shape))
    return found


def _finding(calls: list[LossCall], column: int, rows: int, shape: Shape) -> Finding:
    call = calls[0]
    how = "equals" if call.bit_equal else "is, up to a scale,"
    where = f"column {column}" if len(shape) == 2 else "the last step"
    return Finding(
        code=CODE,
        title=TITLE,
        number=float(column),
        n=rows,
        text=f"{where} of the inputs {how} the target in all {rows} rows of "
        f"{plural(len(calls), 'looked-at training call')}.",
        remedy="Take the target out of the inputs; in a window of a series, let it begin one step after the window.",
        severity="error",
        certain=True,
        place=call.place,
        step=call.step,
        cause="The net reads the answer off its input. On rows whose answer is not known it is worthless.",
        wrong="X, y = table, table[:, -1]",
        right="X, y = table[:, :-1], table[:, -1]",
        evidence={"column": column, "rows": rows, "bit_equal": call.bit_equal},
    )
