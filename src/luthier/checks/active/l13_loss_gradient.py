"""The gradient of an own loss is not its derivative.

## What it detects
The gradient that reaches the model's outputs is compared with central differences in float64, on drawn outputs with
real targets. It is reported where one derivative in ten is off by more than 0.1 %, or where no gradient arrives.

## Why it hurts
Training follows the gradient, not the loss: it goes elsewhere, or nowhere.

## Evidence
How many derivatives were compared, how many are wrong, the largest error.

## Mend
Look for detach, `.item()`, rounding, argmax, or a backward of your own that does not belong to its forward.

Wrong: `loss = ((pred - y.round()) / pred.detach()).square().mean()`
Right: `loss = ((pred - y) / y).square().mean()`

## When it keeps silent
Kinks (as of the absolute value at 0). A loss that computes in float32: differences would be rounding.

## Source
Baydin et al. 2018, "Automatic differentiation in machine learning: a survey", section 2 on numerical differences;
torch.autograd.gradcheck does the same for functions.
"""

from __future__ import annotations

from luthier.checks.active.exam import Exam
from luthier.findings import Finding, Unknown

TITLE = "the gradient of the loss is not its derivative"
TIER = "quick"
CAUSES = ("N05",)


def judge(exam: Exam) -> list[Finding] | Unknown:
    """Do gradient and differences agree?"""
    loss = exam.loss
    if loss is None:
        return []
    if loss.error:
        return Unknown(code="L13", title=TITLE, reason=f"{loss.name} raised {loss.error}", needs="a loss that runs")
    if not loss.has_gradient:
        text = (
            f"No gradient of {loss.name} reaches the model's outputs (they have no part, or all derivatives are 0)."
        )
    elif not loss.double or not loss.entries:
        return Unknown(code="L13", title=TITLE, reason=f"{loss.name} computes in float32", needs="a loss in float64")
    elif loss.wrong <= 0.1 * loss.entries:
        return []
    else:
        text = (
            f"{loss.wrong} of {loss.entries} derivatives of {loss.name} differ from central differences in float64 "
            f"by more than 0.1 %, the worst by {100 * loss.worst:.3g} %."
        )
    return [
        Finding(
            code="L13",
            title=TITLE,
            number=loss.worst,
            threshold=1e-3,
            n=loss.entries,
            text=text,
            remedy="Look for detach, item(), rounding, argmax, or a backward of your own that is not its forward's.",
            severity="error",
            certain=not loss.has_gradient,
            place=exam.place,
            cause="Training follows the gradient, not the loss.",
            wrong="loss = ((pred - y) / pred.detach()).square().mean()",
            right="loss = ((pred - y) / y).square().mean()",
        )
    ]
