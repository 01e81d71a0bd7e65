"""The outputs cannot reach the targets.

## What it detects
Outputs of several fresh models, for inputs as they are and a thousand times larger of either sign, never leave a
range whose ends they touch: [0, 1], [-1, 1] or [0, infinity). Targets lie outside of it. For classes, logits between
0 and 1 or between -1 and 1 cannot say that they are sure.

## Why it hurts
The loss stays high however long the training: no weights give the right output.

## Evidence
The range of the outputs and how many targets are outside.

## Mend
Wrong: `return torch.relu(self.head(x))  # targets are negative too`
Right: `return self.head(x)`

## When it keeps silent
Targets inside the range. Outputs that come near a bound but do not touch it.

## Source
Stack Overflow 48251943 (a ReLU on a regression output), KR-18.
"""

from __future__ import annotations

import numpy as np

from luthier.checks.active.exam import Array, Exam
from luthier.findings import Finding, Unknown

TITLE = "outputs cannot reach the targets"
TIER = "quick"
CAUSES = ("N01", "M08", "M09", "L01")
SLACK = 1e-3
"""An output this near to a bound touches it."""


def bounds(outputs: Array) -> tuple[float, float] | None:
    """The range that outputs [m, C] never leave and whose ends they touch; None where there is none."""
    low, high = float(outputs.min()), float(outputs.max())
    if low == high:
        return None
    for floor, ceiling in ((0.0, 1.0), (-1.0, 1.0)):
        if floor <= low <= floor + SLACK and ceiling - SLACK <= high <= ceiling:
            return floor, ceiling
    zeros = float((outputs == 0).mean())
    if low == 0 and zeros > 0.05 and bool((outputs == 0).any(0).all()):
        return 0.0, float("inf")
    return None


def judge(exam: Exam) -> list[Finding] | Unknown:
    """Are targets outside of what the outputs can be?"""
    if exam.start is None:
        return exam.unknown("L05", TITLE, "start")
    found = bounds(exam.start.wide)
    if found is None:
        return []
    low, high = found
    if exam.rows.classes:
        if high > 1 or exam.start.wide.shape[1] < 2:
            return []  # logits without a ceiling can be sure
        worst = float(np.log1p((exam.start.wide.shape[1] - 1) * np.exp(low - high)))
        text = (
            f"Outputs of {exam.start.seeds} fresh models stay between {low:g} and {high:g} even for inputs times "
            f"1000; cross entropy takes them for logits, and its loss cannot fall below {worst:.3f}."
        )
        outside, n = 1.0, len(exam.start.wide)
    else:
        targets = exam.rows.targets[exam.rows.train].reshape(len(exam.rows.train), -1)
        off = ((targets < low - SLACK) | (targets > high + SLACK)).any(1)
        outside, n = float(off.mean()), len(targets)
        if off.sum() < max(3, 0.01 * n):
            return []
        text = (
            f"Outputs of {exam.start.seeds} fresh models stay between {low:g} and {high:g} even for inputs times "
            f"1000, but {int(off.sum())} of {n} targets lie outside (they reach from {targets.min():.4g} to "
            f"{targets.max():.4g})."
        )
    return [
        Finding(
            code="L05",
            title=TITLE,
            number=outside,
            threshold=0.0,
            n=n,
            text=text,
            remedy="Leave out the activation at the output, or scale the targets into its range.",
            severity="error",
            place=exam.place,
            cause="No weights give the right output, so the loss stays high however long the training.",
            wrong="return torch.relu(self.head(x))",
            right="return self.head(x)",
            evidence={"lowest output": low, "highest output": high},
        )
    ]
