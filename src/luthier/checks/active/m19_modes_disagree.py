"""Evaluation mode contradicts training mode.

## What it detects
A model has learned one batch by heart in training mode, yet in evaluation mode the same weights do no better on the
same rows than a constant output.

## Why it hurts
Every validation score and every prediction is made in evaluation mode: they will be wrong although training looks
well.

## Evidence
Loss on the same rows and weights in both modes, after at least 100 steps on them.

## Mend
Running statistics that never get near those of the batch (BatchNorm with momentum 0 or a tiny one, rows scaled
differently in the two modes), or a branch on `self.training` that leaves something out.

Wrong: `nn.BatchNorm1d(64, momentum=0.0)`
Right: `nn.BatchNorm1d(64)`

## When it keeps silent
The batch is repeated, so the usual momentum of 0.1 has forgotten its start after 100 steps; one of 0.01 too after
300.

## Source
TheDeepChecker (arXiv 2204.00694) switches the mode on one batch; the thresholds here ask for both ends.
"""

from __future__ import annotations

from luthier.checks.active.exam import Exam, Fit
from luthier.findings import Finding, Unknown

TITLE = "evaluation mode contradicts training mode"
TIER = "quick"
CAUSES = ("M09", "E12", "N01")
MIN_STEPS = 100


def judge(exam: Exam) -> list[Finding] | Unknown:
    """Learned in one mode, at chance in the other?"""
    fit = exam.fit
    if fit is None:
        return exam.unknown("M19", TITLE, "fit")
    if fit.steps < MIN_STEPS or fit.trained > Fit.FAILED * fit.chance or fit.evaluated <= 0.5 * fit.chance:
        return []
    if fit.evaluated_then <= max(0.8 * fit.chance, 4 * fit.trained_then):
        return []
    return [
        Finding(
            code="M19",
            title=TITLE,
            number=fit.evaluated_then,
            threshold=0.8 * fit.chance,
            n=fit.rows,
            text=f"On the {fit.rows} rows that it had just learned by heart, the model has the loss "
            f"{fit.trained_then:.3g} in training mode and {fit.evaluated_then:.3g} in evaluation mode; a constant "
            f"output has {fit.chance:.3g}.",
            remedy="Look at the momentum of BatchNorm and at every branch on self.training.",
            severity="error",
            place=exam.place,
            cause="Scores and predictions are made in evaluation mode: they are wrong although training looks well.",
            wrong="nn.BatchNorm1d(64, momentum=0.0)",
            right="nn.BatchNorm1d(64)",
        )
    ]
