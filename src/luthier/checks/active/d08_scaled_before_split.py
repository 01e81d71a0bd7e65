"""Inputs were standardised before the split.

## What it detects
Over all rows together every column has mean 0 and standard deviation 1 to rounding, while over the training rows
alone it has not: the scaler has seen the held-out rows.

## Why it hurts
Scores are a little too good, the more so the fewer rows there are; and the scaler cannot be repeated on new rows.

## Evidence
The largest deviation of a column's mean and standard deviation over all rows, and over the training rows.

## Mend
Wrong: `x = StandardScaler().fit_transform(x)`
Right: `luthier.tune(net, data=(x, y), fixed={"prepare_scale": "standard"})  # fitted on training rows`

## When it keeps silent
Fewer than 100 rows. Fixed factors (1/255, ImageNet statistics) do not give exactly 0 and 1.

## Source
Kaufman, Rosset, Perlich 2012, "Leakage in data mining".
"""

from __future__ import annotations

import numpy as np

from luthier.checks.active.exam import Array, Exam
from luthier.findings import Finding, Unknown

TITLE = "inputs were standardised before the split"
TIER = "quick"
CAUSES = ()
MIN_ROWS, MOST_COLUMNS = 100, 256
EXACT, DIFFERS = 1e-4, 1e-3


def judge(exam: Exam) -> list[Finding] | Unknown:
    """Exactly 0 and 1 over all rows, and not over the training rows?"""
    rows = exam.rows
    if len(rows.inputs) < MIN_ROWS:
        return Unknown(code="D08", title=TITLE, reason=f"{len(rows.inputs)} rows", needs=f"{MIN_ROWS} rows")
    if not rows.tabular or rows.given or not rows.whole:
        return []
    table = rows.table[:, :MOST_COLUMNS].astype(np.float64)
    varies = np.array([len(np.unique(c[:500])) > 20 for c in table.T])
    if varies.sum() < 2 or not np.isfinite(table).all():
        return []
    all_off, train_off = _off(table[:, varies]), _off(table[rows.train][:, varies])
    if all_off > EXACT or train_off < DIFFERS:
        return []
    return [
        Finding(
            code="D08",
            title=TITLE,
            number=all_off,
            threshold=EXACT,
            n=len(table),
            text=f"Over all {len(table)} rows the means and standard deviations of {int(varies.sum())} columns are 0 "
            f"and 1 within {all_off:.1g}; over the {len(rows.train)} training rows alone they are off by "
            f"{train_off:.2g}.",
            remedy='Give the raw columns and let luthier fit the scaler on training rows: fixed={"prepare_scale": '
            '"standard"}.',
            severity="warning",
            cause="The scaler has seen the held-out rows, so scores are a little too good.",
            wrong="x = StandardScaler().fit_transform(x)",
            right='luthier.tune(net, data=(x, y), fixed={"prepare_scale": "standard"})',
        )
    ]


def _off(table: Array) -> float:
    """Largest distance from mean 0 and deviation 1 (with n or n - 1 in its denominator)."""
    spread = np.minimum(np.abs(table.std(0) - 1), np.abs(table.std(0, ddof=1) - 1))
    return float(max(np.abs(table.mean(0)).max(), spread.max()))
