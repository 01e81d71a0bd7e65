"""All units of a layer are the same.

## What it detects
A weight matrix whose units have the same weights, and the same nonzero gradient, after some steps.

## Why it hurts
Units that begin alike and get the same gradient stay alike for ever: the layer has the power of one unit.

## Evidence
The tensors.

## Mend
Wrong: `nn.init.constant_(layer.weight, 0.01)`
Right: `nn.init.kaiming_normal_(layer.weight)`

## When it keeps silent
A last layer that begins at zero: its units get different gradients.

## Source
Goodfellow, Bengio, Courville, "Deep Learning", section 8.4: break symmetry.
"""

from __future__ import annotations

from luthier.checks.active.exam import Exam
from luthier.checks.wording import few
from luthier.findings import Finding, Unknown

TITLE = "all units of a layer are the same"
TIER = "full"
CAUSES = ("N01",)


def judge(exam: Exam) -> list[Finding] | Unknown:
    """Are all units alike in weights and gradient?"""
    signal = exam.signal
    if signal is None:
        return exam.unknown("M07", TITLE, "signal")
    alike = [name for name, weight in signal.weights.items() if weight.symmetric]
    if not alike:
        return []
    return [
        Finding(
            code="M07",
            title=TITLE,
            number=float(len(alike)),
            threshold=0.0,
            n=signal.batches,
            text=f"In {few(alike)} all units have the same weights and the same gradient, in {signal.batches // 2} "
            f"batches after some steps.",
            remedy="Initialise the weights at random.",
            severity="error",
            certain=True,
            place=exam.place,
            cause="Units that begin alike and get the same gradient stay alike: the layer has the power of one unit.",
            wrong="nn.init.constant_(layer.weight, 0.01)",
            right="nn.init.kaiming_normal_(layer.weight)",
            evidence={"tensors": [*alike[:20]]},
        )
    ]
