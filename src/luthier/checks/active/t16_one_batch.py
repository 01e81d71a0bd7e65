"""One batch cannot be learned by heart.

## What it detects
A fresh model is trained on one batch of at most 32 training rows (all different, the classes in turn) for up to 300
steps, at four learning rates from 1e-4 to 1e-1. It is reported where none of them brings the loss below a fifth of
what the best constant output reaches, neither in training nor in evaluation mode.

## Why it hurts
A model that cannot learn 32 rows by heart will not learn 32,000: something between input, output, loss and optimizer
is broken. It is the most telling test for its price.

## Evidence
The lowest loss of each run, and the loss of the best constant output (the entropy of the batch's labels, or the
variance of its targets).

## Mend
Look at the findings beside this one first. Then bypass parts of the model until the batch can be learned.

Wrong: `return self.head(x.detach())`
Right: `return self.head(x)`

## When it keeps silent
Batches are made smaller for models with few weights. A real target is also tried scaled to size 1. A run that was
stopped by time says nothing.

## Source
A. Karpathy, "A Recipe for Training Neural Networks" (2019): overfit a single batch.
"""

from __future__ import annotations

from luthier.checks.active.exam import Exam, Fit
from luthier.findings import Finding, Unknown

TITLE = "one batch cannot be learned"
TIER = "quick"
CAUSES = ("N01", "M08", "M09", "M07", "M01", "M05", "M19", "L01", "L05", "D01", "D02", "D03")


def judge(exam: Exam) -> list[Finding] | Unknown:
    """Is the lowest loss of all runs far from 0?"""
    fit = exam.fit
    if fit is None:
        return exam.unknown("T16", TITLE, "fit")
    lowest = min(fit.evaluated, fit.trained)
    if lowest <= Fit.FAILED * fit.chance:
        return []
    rates = sorted({lr for lr, _ in fit.tried})
    return [
        Finding(
            code="T16",
            title=TITLE,
            number=lowest,
            threshold=Fit.FAILED * fit.chance,
            n=fit.rows,
            text=f"One batch of {fit.rows} rows was trained for {fit.steps} steps at {len(rates)} learning rates "
            f"({rates[0]:g} to {rates[-1]:g}); the loss got no lower than {lowest:.3g}, "
            f"where a constant output reaches {fit.chance:.3g}.",
            remedy="Mend this before any tuning: look for a detach, a frozen layer, a wrong axis, "
            "or an activation at the output.",
            severity="error",
            place=exam.place,
            cause="A model that cannot learn a few rows by heart cannot learn the task.",
            evidence={f"loss at lr {lr:g}, target / {size:g}": loss for (lr, size), loss in fit.tried.items()},
        )
    ]
