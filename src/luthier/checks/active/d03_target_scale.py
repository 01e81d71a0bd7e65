"""A real target far from unit scale.

## What it detects
The target's standard deviation is above 100 or below 0.01, or its mean lies more than ten deviations from 0, and a
short training gets clearly better once the target is standardised.

## Why it hurts
The output layer must first grow to the target's size; meanwhile gradients are enormous or tiny.

## Evidence
Both short trainings on the same validation rows, each loss in units of what a constant reaches.

## Mend
Wrong: `luthier.tune(net, data=(x, price))`
Right: `luthier.tune(net, data=(x, (price - price_train.mean()) / price_train.std()))`

## When it keeps silent
Models that learn as well with the target as it is.

## Source
Stack Overflow 52800582.
"""

from __future__ import annotations

from luthier.checks.active import scales
from luthier.checks.active.exam import Exam, Learned
from luthier.findings import Finding, Unknown

TITLE = "target far from unit scale"
TIER = "full"
CAUSES = ()


def judge(exam: Exam) -> list[Finding] | Unknown:
    """A large or tiny target, and scaling helps?"""
    if not scales.target_asks(exam.rows):
        return []
    now, other = exam.own, exam.rescaled
    if now is None or other is None:
        return exam.unknown("D03", TITLE, "rescaled")
    if not scales.better(now, other):
        return []
    seen = exam.rows.targets[exam.rows.train]
    return [
        Finding(
            code="D03",
            title=TITLE,
            number=float(seen.std()),
            threshold=100.0,
            n=len(seen),
            text=f"The target has the mean {seen.mean():.4g} and the standard deviation {seen.std():.4g}. After "
            f"{now.steps} steps of your recipe the loss on {len(now.loss)} validation rows is {_share(now)} of that "
            f"of a constant, with a standardised target {_share(other)}.",
            remedy="Standardise the target with the training rows' statistics, and undo it for predictions.",
            severity="warning",
            cause="The output layer must first grow to the target's size.",
            wrong="data = (x, price)",
            right="data = (x, (price - price_train.mean()) / price_train.std())",
        )
    ]


def _share(learned: Learned) -> str:
    return f"{learned.loss.mean() / learned.constant.mean():.3g}" if learned.step else "not finite, so no share"
