"""Weights that get no gradient.

## What it detects
Trainable tensors whose gradient is exactly zero in every one of several batches, at the start and after some steps.

## Why it hurts
They never learn: a layer that is built but not called, a branch that is cut off, units that are all dead.

## Evidence
The tensors, and their share of all trainable numbers.

## Mend
Wrong: `self.skip = nn.Linear(64, 64)  # never called in forward`
Right: `return self.head(h + self.skip(x))`

## When it keeps silent
Frozen tensors. Tensors whose gradient is zero at the start only, as behind a head that begins at zero.

## Source
PyTorch issue 14467; Lightning issue 1237.
"""

from __future__ import annotations

from luthier.checks.active.exam import Exam
from luthier.checks.wording import few
from luthier.findings import Finding, Unknown

TITLE = "weights that get no gradient"
TIER = "full"
CAUSES = ("N01", "M08", "M07")


def judge(exam: Exam) -> list[Finding] | Unknown:
    """Is a gradient exactly zero in all batches?"""
    signal = exam.signal
    if signal is None:
        return exam.unknown("M01", TITLE, "signal")
    idle = {name: weight.size for name, weight in signal.weights.items() if weight.zero}
    if not idle:
        return []
    total = sum(weight.size for weight in signal.weights.values())
    share = sum(idle.values()) / total
    return [
        Finding(
            code="M01",
            title=TITLE,
            number=share,
            threshold=0.0,
            n=signal.batches,
            text=f"{len(idle)} of {len(signal.weights)} trainable tensors ({few(idle)}; {100 * share:.1f} % of all "
            f"trainable numbers) have a gradient of exactly 0 in all {signal.batches} batches of {signal.rows} rows.",
            remedy="Call the layer in forward, remove it, or freeze it if that is meant.",
            severity="error" if share > 0.5 else "warning",
            certain=True,
            place=exam.place,
            cause="Tensors without a gradient never learn.",
            wrong="self.skip = nn.Linear(64, 64)  # never called",
            right="return self.head(h + self.skip(x))",
            evidence={"tensors": [*list(idle)[:20]]},
        )
    ]
