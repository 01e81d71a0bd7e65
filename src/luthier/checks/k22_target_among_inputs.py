"""The target stands among the inputs.

One column of `x` is the target in every row, as it is or up to scale and shift. The net reads the answer off its
input: scores on held-out rows are nearly perfect, since they hold their answer too, and on new rows, where it is not
known, the net is worthless.

Evidence: each column against the target, over all training rows (the first 20000); exact.

Mend: take the target out of the inputs; let the target of a window of a series begin one step after the window.

    x, y = table, table[:, -1]             # wrong
    x, y = table[:, :-1], table[:, -1]     # right

It keeps silent for inputs of fewer than three columns, for fewer than 48 rows, and where several columns are like the
target (series repeat themselves).
"""

from __future__ import annotations

from typing import Any

from luthier.findings import Finding, Unknown

TITLE = "the target is among the inputs"
TIER = "quick"
CAUSES = ()


def judge(trace: Any) -> list[Finding] | Unknown:
    """Fits that were given arrays."""
    found = []
    for fit in trace.fits:
        rows = fit.rows
        if rows is None or rows.column < 0:
            continue
        how = "equals" if rows.column_equal else "is, up to scale and shift,"
        found.append(
            Finding(
                code="K22",
                title=TITLE,
                number=float(rows.column),
                n=rows.num_rows,
                text=f"column {rows.column} of the inputs {how} the target in all {rows.num_rows} training rows.",
                remedy="Take the target out of the inputs",
                severity="error",
                certain=True,
                place=fit.place,
                step=0,
                cause="The net reads the answer off its input. On rows whose answer is not known it is worthless.",
                wrong="x, y = table, table[:, -1]",
                right="x, y = table[:, :-1], table[:, -1]",
                evidence={"column": rows.column, "equal": rows.column_equal},
            )
        )
    return found
