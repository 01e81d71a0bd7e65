"""An own loss depends on the size of the batch.

## What it detects
The loss of a batch that holds every row twice is not that of the batch.

## Why it hurts
A sum makes the learning rate depend on the batch size, and a smaller last batch counts less for each row.

## Evidence
The ratio of both losses: 2 for a sum, 1 for a mean.

## Mend
Wrong: `return (pred - y).square().sum()`
Right: `return (pred - y).square().mean()`

## When it keeps silent
Ratios within 0.1 % of 1.

## Source
TheDeepChecker (arXiv 2204.00694), "loss reduction by sum".
"""

from __future__ import annotations

import math

from luthier.checks.active.exam import Exam
from luthier.findings import Finding, Unknown

TITLE = "the loss depends on the size of the batch"
TIER = "quick"
CAUSES = ("N05", "L04")


def judge(exam: Exam) -> list[Finding] | Unknown:
    """Is the loss of a doubled batch another one?"""
    loss = exam.loss
    if loss is None:
        return []
    if loss.error:
        return Unknown(code="L08", title=TITLE, reason=f"{loss.name} raised {loss.error}", needs="a loss that runs")
    if not math.isfinite(loss.doubled) or abs(loss.doubled - 1) <= 1e-3:
        return []
    summed = abs(loss.doubled - 2) <= 1e-3
    return [
        Finding(
            code="L08",
            title=TITLE,
            number=loss.doubled,
            threshold=1.0,
            n=loss.rows,
            text=f"A batch that holds each of {loss.rows} rows twice has {loss.doubled:.4g} times the loss of the "
            "batch" + (f": {loss.name} sums over the rows." if summed else "."),
            remedy="Take the mean over the rows, else the learning rate depends on the batch size.",
            severity="warning" if summed else "info",
            certain=True,
            place=exam.place,
            cause="With a sum, the learning rate depends on the batch size.",
            wrong="return (pred - y).square().sum()",
            right="return (pred - y).square().mean()",
        )
    ]
