"""Rows are sorted by their target.

## What it detects
The targets never fall from one row to the next, over all rows: an exact relation.

## Why it hurts
luthier shuffles, so it is no fault here. A loader without `shuffle=True` would show the model one class after
another, and a split by position would leave classes out.

## Evidence
The number of rows.

## Mend
Wrong: `DataLoader(dataset, batch_size=32)`
Right: `DataLoader(dataset, batch_size=32, shuffle=True)`

## When it keeps silent
Any other order. Rows that the person split.

## Source
facts of stochastic gradient descent: batches should be samples of the whole.
"""

from __future__ import annotations

import numpy as np

from luthier.checks.active.exam import Exam
from luthier.findings import Finding, Unknown

TITLE = "rows are sorted by their target"
TIER = "quick"
CAUSES = ()
MIN_ROWS = 50


def judge(exam: Exam) -> list[Finding] | Unknown:
    """Do the targets never fall?"""
    targets = exam.rows.targets
    n = len(targets)
    if n < MIN_ROWS:
        return Unknown(code="D05", title=TITLE, reason=f"{n} rows", needs=f"{MIN_ROWS} rows")
    if exam.rows.given or not exam.rows.whole or targets.ndim != 1 or (np.diff(targets) < 0).any():
        return []
    return [
        Finding(
            code="D05",
            title=TITLE,
            number=0.0,
            threshold=0.0,
            n=n,
            text=f"The targets of all {n} rows stand in rising order. luthier draws its splits and batches, so "
            "nothing is lost here; a loader that does not shuffle would show one class after another.",
            remedy="Shuffle in your own loader, and split at random.",
            severity="info",
            certain=True,
            cause="Batches of one class pull the weights to and fro.",
            wrong="DataLoader(dataset, batch_size=32)",
            right="DataLoader(dataset, batch_size=32, shuffle=True)",
        )
    ]
