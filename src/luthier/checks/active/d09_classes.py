"""Classes without rows.

## What it detects
Class numbers below the largest that no row has (labels that begin at 1), and classes of held-out rows that the
training rows lack.

## Why it hurts
The model gets outputs for classes that never come, or is asked for classes that it never saw.

## Evidence
The classes and the number of rows.

## Mend
Wrong: `y = table["grade"]  # 1 to 5`
Right: `y = table["grade"] - 1`

## When it keeps silent
Fewer rows than 20 for each class; real targets.

## Source
facts of cross entropy: classes are numbered from 0.
"""

from __future__ import annotations

import numpy as np

from luthier.checks.active.exam import Exam
from luthier.checks.wording import few
from luthier.findings import Finding, Unknown

TITLE = "classes without rows"
TIER = "quick"
CAUSES = ()
ROWS_A_CLASS = 20


def judge(exam: Exam) -> list[Finding] | Unknown:
    """Is a class missing, in all rows or in the training rows?"""
    rows = exam.rows
    if not rows.classes:
        return []
    n, K = len(rows.targets), rows.num_outputs
    present = np.unique(rows.targets)
    if n < ROWS_A_CLASS * K:
        return Unknown(code="D09", title=TITLE, reason=f"{n} rows for {K} classes", needs=f"{ROWS_A_CLASS * K} rows")
    gone = sorted(set(range(K)) - set(present.tolist()))
    untrained = sorted(set(present.tolist()) - set(np.unique(rows.targets[rows.train]).tolist()))
    if not gone and not untrained:
        return []
    names = few([str(c) for c in gone or untrained])
    if gone:
        text = f"No row of {n} has class {names}, of classes 0 to {K - 1}."
        text += " The labels begin at 1." if gone == [0] else ""
    else:
        text = f"Class {names} has rows, but none of the {len(rows.train)} training rows has it."
    return [
        Finding(
            code="D09",
            title=TITLE,
            number=float(len(gone) or len(untrained)),
            threshold=0.0,
            n=n,
            text=text,
            remedy="Number the classes from 0 without gaps; keep every class among the training rows.",
            severity="warning",
            certain=True,
            cause="The model has outputs for classes that never come, or is asked for classes that it never saw.",
            wrong='y = table["grade"]  # 1 to 5',
            right='y = table["grade"] - 1',
        )
    ]
