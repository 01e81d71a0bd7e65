"""A column that only numbers the rows.

## What it detects
A column of whole numbers that are all different and without gaps, in any order: a row number, an identifier.

## Why it hurts
A model can learn rows by their number, or the order in which they were collected; on new rows it means nothing.

## Evidence
The column, its first and last number.

## Mend
Wrong: `x = table.drop("target")`
Right: `x = table.drop("target", "id")`

## When it keeps silent
Fewer than 50 rows. Numbers with gaps or repeats.

## Source
cleanlab's identifier-column issue (Datalab) asks the same question.
"""

from __future__ import annotations

import numpy as np

from luthier.checks.active.exam import Exam
from luthier.findings import Finding, Unknown

TITLE = "a column only numbers the rows"
TIER = "quick"
CAUSES = ()
MIN_ROWS = 50


def judge(exam: Exam) -> list[Finding] | Unknown:
    """Whole, all different, without gaps?"""
    rows = exam.rows
    table, n = rows.table, len(rows.table)
    if not rows.tabular or not rows.whole:
        return []
    if n < MIN_ROWS:
        return Unknown(code="D21", title=TITLE, reason=f"{n} rows", needs=f"{MIN_ROWS} rows")
    with np.errstate(invalid="ignore"):
        likely = np.flatnonzero(table.max(0) - table.min(0) == n - 1)  # no NaN passes
    found = [int(c) for c in likely if (np.sort(table[:, c]) == table[:, c].min() + np.arange(n)).all()]
    return [
        Finding(
            code="D21",
            title=TITLE,
            number=float(column),
            n=n,
            text=f"C{rows.raw_column(column)[1:]} holds every whole number from {table[:, column].min():.0f} to "
            f"{table[:, column].max():.0f} once, in {n} rows.",
            remedy="Leave it out.",
            severity="warning",
            certain=True,
            cause="A model can learn rows by their number, which means nothing on new rows.",
            wrong='x = table.drop("target")',
            right='x = table.drop("target", "id")',
            evidence={"column": column},
        )
        for column in found
    ]
