"""An own loss leaves its domain.

## What it detects
The loss, or its gradient, is not finite at outputs that the model can give: those of fresh models for training rows,
and for the same rows times 1000.

## Why it hurts
The first sure output ends the training with NaN.

## Evidence
At which outputs.

## Mend
Wrong: `-(y * torch.log(torch.softmax(z, 1))).sum(1).mean()`
Right: `-(y * torch.log_softmax(z, 1)).sum(1).mean()`

## When it keeps silent
Outputs that are not finite themselves (N01).

## Source
facts of floating point: exp(-104) is 0 in float32, and its log is minus infinity.
"""

from __future__ import annotations

from luthier.checks.active.exam import Exam
from luthier.findings import Finding, Unknown

TITLE = "the loss leaves its domain"
TIER = "quick"
CAUSES = ("N01",)


def judge(exam: Exam) -> list[Finding] | Unknown:
    """Is the loss finite wherever the model can be?"""
    loss = exam.loss
    if loss is None:
        return []
    if loss.error:
        return [
            Finding(
                code="N05",
                title="the loss raises",
                n=loss.rows,
                text=f"{loss.name} raised on outputs of the model with targets of training rows: {loss.error}",
                remedy="It is called with outputs [B, C] and targets [B] or [B, C], and returns one number.",
                severity="error",
                certain=True,
                place=exam.place,
            )
        ]
    if exam.start is None:
        return exam.unknown("N05", TITLE, "start")
    if loss.finite and loss.wide_finite:
        return []
    where = "outputs of fresh models" if not loss.finite else "outputs of fresh models for inputs times 1000"
    return [
        Finding(
            code="N05",
            title=TITLE,
            number=0.0,
            n=len(exam.start.outputs),
            text=f"{loss.name} or its gradient is not finite at {where}.",
            remedy="Use log_softmax, logsigmoid or the with_logits form; put an epsilon inside log, root and "
            "division.",
            severity="error" if not loss.finite else "warning",
            certain=True,
            place=exam.place,
            cause="The first sure output ends the training with NaN.",
            wrong="torch.log(torch.softmax(z, 1))",
            right="torch.log_softmax(z, 1)",
        )
    ]
