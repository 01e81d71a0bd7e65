"""Inputs that are not finite, or constant.

## What it detects
Input values that are NaN or infinite; inputs that are all the same; columns with one value other than 0.

## Why it hurts
One NaN makes every gradient NaN. A constant column tells nothing; a large one disturbs the first layer's bias.

## Evidence
How many rows, the first of them, the columns.

## Mend
Wrong: `x = table.to_numpy()`
Right: `x = table.drop_nans().to_numpy()`

## When it keeps silent
Columns that are always 0, as border pixels of images, change nothing. Gaps that luthier fills in preparation.

## Source
IEEE 754; scikit-learn's VarianceThreshold.
"""

from __future__ import annotations

import numpy as np

from luthier.checks.active.exam import Array, Exam
from luthier.checks.wording import few
from luthier.findings import Finding, Severity, Unknown

TITLE = "inputs that are not finite, or constant"
TIER = "quick"
CAUSES = ()


def judge(exam: Exam) -> list[Finding] | Unknown:
    """Are there NaN, infinite or constant values in what the model sees?"""
    rows = exam.rows
    table = rows.prepared.reshape(len(rows.prepared), -1)
    bad = ~np.isfinite(table)
    if bad.any():
        return [_not_finite(exam, bad)]
    seen = table[rows.train]
    still = np.flatnonzero((seen == seen[:1]).all(0))
    if len(still) == seen.shape[1]:
        return [_constant(exam, still, "error", "all inputs are the same in every training row")]
    told = [int(c) for c in still if seen[0, c] != 0]
    if rows.tabular and told:
        return [_constant(exam, np.array(told), "info", f"{few([rows.column(c) for c in told])} never changes")]
    return []


def _not_finite(exam: Exam, bad: Array) -> Finding:
    rows = np.flatnonzero(bad.any(1))
    columns = [exam.rows.column(int(c)) for c in np.flatnonzero(bad.any(0))]
    return Finding(
        code="D04",
        title=TITLE,
        number=len(rows) / len(bad),
        threshold=0.0,
        n=len(bad),
        text=f"{len(rows)} of {len(bad)} rows hold values that are not finite, in {few(columns)}; the first is row "
        f"{int(rows[0])}.",
        remedy="Fill or drop these rows.",
        severity="error",
        certain=True,
        cause="One such value makes every gradient NaN.",
        wrong="x = table.to_numpy()",
        right="x = table.drop_nans().to_numpy()",
        evidence={"rows": [int(r) for r in rows[:20]]},
    )


def _constant(exam: Exam, columns: Array, severity: Severity, what: str) -> Finding:
    return Finding(
        code="D04",
        title=TITLE,
        number=float(len(columns)),
        threshold=0.0,
        n=len(exam.rows.train),
        text=f"Of {len(exam.rows.train)} training rows: {what}.",
        remedy="Leave constant columns out.",
        severity=severity,
        certain=True,
        cause="A constant column tells nothing about the target.",
        wrong="x = table.to_numpy()",
        right="x = table.loc[:, table.nunique() > 1].to_numpy()",
    )
