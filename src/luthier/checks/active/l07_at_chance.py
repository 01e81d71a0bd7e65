"""A short training stays at chance although the inputs tell something.

## What it detects
The best loss of a short training at several learning rates is not better than that of the best constant output, while
ten nearest neighbours predict the same validation rows clearly better than a constant.

## Why it hurts
The data can be learned from, so the model, its loss or its learning rates are to blame.

## Evidence
Mean losses of both with the paired difference in standard errors, and the score of the neighbours.

## Mend
See the findings beside this one. Else simplify the model until it learns, then put the parts back.

## When it keeps silent
Fewer than 100 validation rows, or any moment of any run that is better than a constant by two standard errors.

## Source
A. Karpathy, "A Recipe for Training Neural Networks" (2019).
"""

from __future__ import annotations

import math

from luthier.checks.active.exam import MIN_VAL, Exam
from luthier.findings import Finding, Unknown

TITLE = "training stays at chance"
TIER = "full"
CAUSES = ("T16", "N01", "M08", "M09", "M07", "M05", "M19", "L01", "L05", "D01", "D02", "D03")


def judge(exam: Exam) -> list[Finding] | Unknown:
    """Do neighbours know what the model does not learn?"""
    learned = exam.learned
    if learned is None:
        return exam.unknown("L07", TITLE, "learned")
    n = len(learned.loss)
    if learned.learned:
        return []
    if n < MIN_VAL or math.isnan(exam.neighbours):
        return Unknown(
            code="L07",
            title=TITLE,
            reason="too few validation rows, or neighbours were not asked",
            needs=f"{MIN_VAL} validation rows",
        )
    if not exam.neighbours_know:
        return []
    return [
        Finding(
            code="L07",
            title=TITLE,
            number=learned.sigmas,
            threshold=2.0,
            n=n,
            text=f"After {learned.steps} steps at {len(learned.tried)} learning rates the best loss on {n} "
            f"validation rows was {learned.loss.mean():.4g}, that of a constant output is "
            f"{learned.constant.mean():.4g}; ten nearest neighbours score {exam.neighbours:.3f} where a constant "
            f"scores {exam.neighbours_chance:.3f}.",
            remedy="Simplify the model until it learns, then put its parts back one by one.",
            severity="error",
            place=exam.place,
            cause="The inputs do tell something about the targets; the model does not learn it.",
            evidence={"gain": learned.gain, "neighbours": exam.neighbours},
        )
    ]
