"""Rare classes are never predicted.

## What it detects
The commonest class has more than ten times the rows of the rarest, and after a short training the rare class is not
predicted for a single one of its validation rows.

## Why it hurts
Accuracy hides it: a model that never says "rare" is right nearly always.

## Evidence
Rows of both classes, and the hits on validation rows.

## Mend
Compare by a metric that counts every class alike, such as balanced_accuracy or f1_macro.

Wrong: `luthier.tune(net, data=data)`
Right: `luthier.tune(net, data=data, metric="balanced_accuracy")`

## When it keeps silent
Fewer than 1000 rows, or fewer than ten validation rows of the rare class. Imbalance alone is no error.

## Source
SageMaker Debugger's class imbalance rule uses the ratio 10; prediction is added here.
"""

from __future__ import annotations

import numpy as np

from luthier.checks.active.exam import Exam
from luthier.findings import Finding, Unknown

TITLE = "rare classes are never predicted"
TIER = "full"
CAUSES = ("T16", "L07", "D12", "D01", "D02", "N01")
RATIO, MIN_ROWS, MIN_VAL = 10, 1000, 10


def judge(exam: Exam) -> list[Finding] | Unknown:
    """Rare, and without one hit?"""
    rows = exam.rows
    if not rows.classes:
        return []
    counts = np.bincount(rows.targets[rows.train], minlength=rows.num_outputs)
    rare, common = int(np.where(counts > 0, counts, counts.max() + 1).argmin()), int(counts.argmax())
    if len(rows.targets) < MIN_ROWS or counts[common] <= RATIO * counts[rare]:
        return []
    if exam.learned is None:
        return exam.unknown("D10", TITLE, "learned")
    of_rare = exam.learned.targets == rare
    if of_rare.sum() < MIN_VAL:
        return Unknown(
            code="D10",
            title=TITLE,
            reason=f"{int(of_rare.sum())} validation rows of class {rare}",
            needs=f"{MIN_VAL} of them",
        )
    hits = int((exam.learned.outputs[of_rare].argmax(1) == rare).sum())
    if hits:
        return []
    return [
        Finding(
            code="D10",
            title=TITLE,
            number=0.0,
            threshold=0.0,
            n=int(of_rare.sum()),
            text=f"Class {rare} has {counts[rare]} training rows, class {common} has {counts[common]}. After a "
            f"training of {exam.learned.step} steps none of {int(of_rare.sum())} validation rows of class {rare} was "
            "predicted as such.",
            remedy='Compare by metric="balanced_accuracy" or "f1_macro", and weight or sample the rare class.',
            severity="info",
            cause="Accuracy hides it: a model that never names the rare class is right nearly always.",
            wrong="luthier.tune(net, data=data)",
            right='luthier.tune(net, data=data, metric="balanced_accuracy")',
        )
    ]
