"""The loss starts far above chance.

## What it detects
The mean loss of a fresh model is more than twice that of a constant output, ln K at least, and the model does not
learn one batch quickly.

## Why it hurts
The first steps only undo the start; with many classes or a high learning rate they may break the model.

## Evidence
The loss on training rows, and that of the best constant.

## Mend
Scale the inputs, or begin the last layer with smaller weights.

Wrong: `nn.init.normal_(head.weight, std=1.0)`
Right: `nn.init.normal_(head.weight, std=0.01)`

## When it keeps silent
Real targets (D03 sees to their scale). Models that learn all the same: it is a hint only where learning is slow.

## Source
A. Karpathy, "A Recipe for Training Neural Networks" (2019): verify the loss at init.
"""

from __future__ import annotations

import math

from luthier.checks.active.exam import Exam
from luthier.findings import Finding, Unknown

TITLE = "the loss starts far above chance"
TIER = "quick"
CAUSES = ("N01", "D01", "D02", "M19", "L01", "T16")


def judge(exam: Exam) -> list[Finding] | Unknown:
    """Is the first loss above twice that of a constant, and learning poor?"""
    if exam.start is None:
        return exam.unknown("L06", TITLE, "start")
    if not exam.rows.classes:
        return []
    first, n = float(exam.start.loss.mean()), len(exam.start.loss)
    limit = 2 * max(exam.start.chance, math.log(exam.rows.num_outputs))
    learns = exam.fit is not None and exam.fit.reached and (exam.learned is None or exam.learned.gain > 0.5)
    if not first > limit or learns:
        return []
    return [
        Finding(
            code="L06",
            title=TITLE,
            number=first,
            threshold=limit,
            n=n,
            text=f"The mean loss of a fresh model on {n} training rows is {first:.4g}; a constant output has "
            f"{exam.start.chance:.4g}.",
            remedy="Scale the inputs, or begin the last layer with smaller weights.",
            severity="warning",
            place=exam.place,
            cause="The first steps only undo the start.",
            wrong="nn.init.normal_(head.weight, std=1.0)",
            right="nn.init.normal_(head.weight, std=0.01)",
        )
    ]
