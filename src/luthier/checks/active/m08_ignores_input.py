"""The output does not depend on the input.

## What it detects
The outputs of a model for different rows are equal, at the start and after it has been trained on one batch.

## Why it hurts
Such a model can only learn a constant.

## Evidence
The largest difference between the outputs of the rows, relative to their size.

## Mend
Look for a softmax over a single column, a layer of dead units, a mean over the wrong axis, an input that is replaced.

Wrong: `return torch.softmax(self.head(x), dim=1)  # one column`
Right: `return self.head(x)`

## When it keeps silent
A head that begins at zero gives equal outputs at the start only: it is looked at again after training.

## Source
facts of forward passes; softmax over one column is the commonest case on Stack Overflow (34311586).
"""

from __future__ import annotations

from luthier.checks.active.exam import Exam, spread
from luthier.findings import Finding, Unknown

TITLE = "the output ignores the input"
TIER = "quick"
CAUSES = ("N01", "M05")
EQUAL = 1e-6


def judge(exam: Exam) -> list[Finding] | Unknown:
    """Are all outputs equal, before and after some steps?"""
    if exam.start is None or exam.fit is None:
        return exam.unknown("M08", TITLE, "start" if exam.start is None else "fit")
    before, after = spread(exam.start.outputs), exam.fit.spread
    if max(before, after) > EQUAL or exam.fit.reached:
        return []
    n = len(exam.start.outputs)
    return [
        Finding(
            code="M08",
            title=TITLE,
            number=max(before, after),
            threshold=EQUAL,
            n=n,
            text=f"The outputs for {n} different rows differ by {before:.1g} of their size before training and by "
            f"{after:.1g} after {exam.fit.steps} steps on one batch.",
            remedy="Look for a softmax over one column, dead units, or an axis that is averaged away.",
            severity="error",
            certain=True,
            place=exam.place,
            cause="A model whose output is the same for every row can only learn a constant.",
            wrong="return torch.softmax(self.head(x), dim=1)  # one column: always 1",
            right="return self.head(x)",
        )
    ]
