"""A fresh model gives NaN or infinity.

## What it detects
Outputs or losses of a fresh model on training rows that are not finite.

## Why it hurts
Every gradient of such a row is NaN; one step spreads it to all weights.

## Evidence
How many rows.

## Mend
Look for a division by a spread that can be 0, a log or root of 0, or inputs that are not finite.

Wrong: `x = (x - x.mean(1, keepdim=True)) / x.std(1, keepdim=True)`
Right: `x = (x - x.mean(1, keepdim=True)) / (x.std(1, keepdim=True) + 1e-6)`

## When it keeps silent
Whatever is masked before it reaches the output.

## Source
IEEE 754: what is computed with NaN is NaN.
"""

from __future__ import annotations

import numpy as np

from luthier.checks.active.exam import Exam
from luthier.findings import Finding, Unknown

TITLE = "outputs that are not finite"
TIER = "quick"
CAUSES = ("D04",)


def judge(exam: Exam) -> list[Finding] | Unknown:
    """Is any output or loss NaN or infinite?"""
    if exam.start is None:
        return exam.unknown("N01", TITLE, "start")
    bad = ~(np.isfinite(exam.start.outputs).all(1) & np.isfinite(exam.start.loss))
    if not bad.any():
        return []
    n = len(bad)
    return [
        Finding(
            code="N01",
            title=TITLE,
            number=float(bad.mean()),
            threshold=0.0,
            n=n,
            text=f"{int(bad.sum())} of {n} training rows have an output or a loss that is not finite, before any "
            "training.",
            remedy="Look for a division by a spread that can be 0, a log or root of 0, or an overflow.",
            severity="error",
            certain=True,
            place=exam.place,
            cause="One such row makes every gradient NaN, and one step spreads it to all weights.",
            wrong="x = x / x.std(1, keepdim=True)",
            right="x = x / (x.std(1, keepdim=True) + 1e-6)",
        )
    ]
