"""Nothing is learned that a constant would not know.

## What it detects
A short training (200 steps, at the recipe's own and two further learning rates) is compared with the best constant
output on the same validation rows, row by row. It is reported where no moment of any run is better by one standard
error, and ten nearest neighbours find nothing either.

## Why it hurts
Inputs and targets may be paired wrongly (one of them shuffled or sorted alone), or the inputs do not hold what the
target depends on. No setting will help.

## Evidence
The mean losses of both, the paired difference in standard errors, the score of nearest neighbours.

## Mend
Look at a few rows with their targets by eye. Check every step that touches only one of the two.

Wrong: `x = x[np.random.permutation(len(x))]`
Right: `order = np.random.permutation(len(x)); x, y = x[order], y[order]`

## When it keeps silent
Fewer than 100 validation rows, or than 30 that are not of the commonest class. Where neighbours do find something,
or the batch cannot be learned, the model is to blame, and L07 or T16 says so.

## Source
A. Karpathy, "A Recipe for Training Neural Networks" (2019): input-independent baseline.
"""

from __future__ import annotations

import math

import numpy as np

from luthier.checks.active.exam import MIN_VAL, Exam
from luthier.findings import Finding, Unknown

TITLE = "inputs tell nothing about the targets"
TIER = "full"
CAUSES = ("N01", "T16", "M08", "D04", "L05")
SURE, MIN_OTHERS = 1.0, 30


def judge(exam: Exam) -> list[Finding] | Unknown:
    """Is a short training no better than a constant, and nearest neighbours neither?"""
    learned = exam.learned
    if learned is None:
        return exam.unknown("D12", TITLE, "learned")
    if learned.learned or learned.sigmas > SURE:
        return []
    n = len(learned.loss)
    others = n - int(np.bincount(learned.targets).max()) if exam.rows.classes else n
    if n < MIN_VAL or others < MIN_OTHERS:
        return Unknown(
            code="D12",
            title=TITLE,
            reason=f"{n} validation rows, {others} not of the commonest class",
            needs=f"{MIN_VAL} validation rows, {MIN_OTHERS} not of the commonest class",
        )
    if math.isnan(exam.neighbours):
        return exam.unknown("D12", TITLE, "neighbours")
    if exam.neighbours_know:
        return []
    return [
        Finding(
            code="D12",
            title=TITLE,
            number=learned.sigmas,
            threshold=SURE,
            n=n,
            text=f"After {learned.steps} steps at {len(learned.tried)} learning rates the best loss on {n} "
            f"validation rows was {learned.loss.mean():.4g}; a constant output has {learned.constant.mean():.4g} "
            f"({learned.sigmas:.1f} standard errors apart). Ten nearest neighbours score {exam.neighbours:.3f}, "
            f"a constant {exam.neighbours_chance:.3f}.",
            remedy="Check that row i of the inputs belongs to row i of the targets, and that the inputs hold what "
            "the target depends on.",
            severity="warning",
            cause="Neither the model nor its neighbours find a relation, so no setting will.",
            wrong="x = x[np.random.permutation(len(x))]",
            right="order = np.random.permutation(len(x))\nx, y = x[order], y[order]",
            evidence={"gain": learned.gain, "neighbours": exam.neighbours},
        )
    ]
