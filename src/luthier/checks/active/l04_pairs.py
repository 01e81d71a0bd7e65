"""An own loss pairs every output with every target.

## What it detects
The loss stays the same when the targets are dealt to other rows of the batch, though it changes with the targets:
outputs [B, 1] minus targets [B] gives [B, B].

## Why it hurts
The best output is then the mean of the targets for every row: nothing is learned, and nothing crashes.

## Evidence
Six deals that change nothing.

## Mend
Wrong: `return (pred - y).square().mean()  # [B, 1] minus [B]`
Right: `return (pred.squeeze(1) - y).square().mean()`

## When it keeps silent
Losses that change with the deal.

## Source
IntelLabs/matsciml pull request 347.
"""

from __future__ import annotations

from luthier.checks.active.exam import Exam
from luthier.findings import Finding, Unknown

TITLE = "the loss pairs every output with every target"
TIER = "quick"
CAUSES = ("N05",)


def judge(exam: Exam) -> list[Finding] | Unknown:
    """Does dealing the targets anew change nothing?"""
    loss = exam.loss
    if loss is None:
        return []
    if loss.error:
        return Unknown(code="L04", title=TITLE, reason=f"{loss.name} raised {loss.error}", needs="a loss that runs")
    if loss.pairs_matter or not loss.targets_matter:
        return []
    return [
        Finding(
            code="L04",
            title=TITLE,
            number=0.0,
            n=loss.rows,
            text=f"{loss.name} stays the same when the targets of {loss.rows} rows are dealt to other rows, six "
            "times, but changes with other targets: every output is compared with every target.",
            remedy="Give outputs and targets one shape, for example pred.squeeze(1).",
            severity="error",
            certain=True,
            place=exam.place,
            cause="[B, 1] minus [B] is [B, B]: the best output is the mean of the targets for every row.",
            wrong="return (pred - y).square().mean()",
            right="return (pred.squeeze(1) - y).square().mean()",
        )
    ]
