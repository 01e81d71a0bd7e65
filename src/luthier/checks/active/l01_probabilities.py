"""Probabilities go into cross entropy.

## What it detects
For a task with classes, every output row of fresh models is positive and sums to 1: the model ends in a softmax, and
cross entropy applies another one.

## Why it hurts
The second softmax squeezes the outputs: the loss cannot fall below ln(1 + (K - 1) / e), and gradients are small.

## Evidence
The largest distance of a row's sum from 1, over rows and seeds.

## Mend
Wrong: `return F.softmax(self.head(x), dim=1)`
Right: `return self.head(x)  # logits; softmax only where probabilities are shown`

## When it keeps silent
Log-probabilities do no harm (their softmax is what they are the log of). Rows that sum to 1 by chance would have to
do so for every row and seed.

## Source
lightning-bolts issue 654, MatchingNetworks issue 5.
"""

from __future__ import annotations

import math

import numpy as np

from luthier.checks.active.exam import Exam
from luthier.findings import Finding, Unknown

TITLE = "probabilities into cross entropy"
TIER = "quick"
CAUSES = ("N01", "M08", "M09")
MIN_ROWS = 64


def judge(exam: Exam) -> list[Finding] | Unknown:
    """Does every row of outputs sum to 1?"""
    if exam.start is None:
        return exam.unknown("L01", TITLE, "start")
    outputs, n = exam.start.wide, len(exam.start.wide)
    if not exam.rows.classes or outputs.shape[1] < 2 or n < MIN_ROWS:
        return []
    off = float(np.abs(outputs.sum(1) - 1).max())
    if not (off < 1e-4 and outputs.min() >= 0):
        return []
    K = outputs.shape[1]
    floor = math.log(1 + (K - 1) / math.e)
    return [
        Finding(
            code="L01",
            title=TITLE,
            number=off,
            threshold=1e-4,
            n=n,
            text=f"All {n} output rows of {exam.start.seeds} fresh models are positive and sum to 1 within "
            f"{off:.1g}; cross entropy takes them for logits, and its loss cannot fall below {floor:.3f}.",
            remedy="Return the logits: leave out the softmax at the end of the model.",
            severity="error",
            certain=True,
            place=exam.place,
            cause="Cross entropy applies a softmax of its own; two of them squeeze outputs and gradients.",
            wrong="return F.softmax(self.head(x), dim=1)",
            right="return self.head(x)",
            evidence={"lowest possible loss": floor},
        )
    ]
