"""Images as raw grey values.

## What it detects
Inputs that are whole numbers from 0 to about 255, and a short training that gets clearly better once every column is
standardised.

## Why it hurts
Large positive inputs make large activations: learning rates that suit scaled inputs are too high.

## Evidence
Losses of both short trainings on the same validation rows.

## Mend
Wrong: `x = images.astype("float32")`
Right: `x = images.astype("float32") / 255.0`

## When it keeps silent
Models that scale their inputs themselves: for them nothing gets better.

## Source
Stack Overflow 55328966, 48594888.
"""

from __future__ import annotations

from luthier.checks.active import scales
from luthier.checks.active.exam import Exam
from luthier.findings import Finding, Unknown

TITLE = "inputs are raw grey values"
TIER = "full"
CAUSES = ()


def judge(exam: Exam) -> list[Finding] | Unknown:
    """Whole numbers up to 255, and scaling helps?"""
    found = scales.columns_of(exam.rows)
    if not found.images:
        return []
    if exam.own is None or exam.scaled is None:
        return exam.unknown("D01", TITLE, "scaled")
    if not scales.better(exam.own, exam.scaled):
        return []
    now, other = float(exam.own.loss.mean()), float(exam.scaled.loss.mean())
    return [
        Finding(
            code="D01",
            title=TITLE,
            number=now,
            threshold=other,
            n=len(exam.own.loss),
            text=f"The inputs are whole numbers from 0 to about 255. After {exam.own.steps} steps of your recipe the "
            f"loss on {len(exam.own.loss)} validation rows is {scales.said(exam.own)}, with scaled inputs "
            f"{other:.4g}.",
            remedy="Divide by 255, or standardise with the statistics of the training rows.",
            severity="warning",
            cause="Large positive inputs make activations and gradients large.",
            wrong='x = images.astype("float32")',
            right='x = images.astype("float32") / 255.0',
        )
    ]
