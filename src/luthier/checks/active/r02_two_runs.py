"""Two runs with one seed differ.

## What it detects
The model is built twice with one seed: weights differ. Or it is trained twice from one state with the same batches:
losses differ, to the bit.

## Why it hurts
A run cannot be repeated or resumed exactly, and a difference between two settings may be one between two runs.

## Evidence
The first tensor, or the first step and by how much.

## Mend
Draw from the framework's generator, which luthier seeds for every trial and step; not from `random`, NumPy's global
generator or the clock.

Wrong: `self.mask = torch.from_numpy(np.random.rand(64))`
Right: `self.mask = torch.rand(64)`

## When it keeps silent
Bits are compared on the device that trains; some kernels of GPUs add in no fixed order.

## Source
PyTorch, "Reproducibility".
"""

from __future__ import annotations

from luthier.checks.active.exam import Exam
from luthier.findings import Finding, Unknown

TITLE = "two runs with one seed differ"
TIER = "quick"
CAUSES = ()


def judge(exam: Exam) -> list[Finding] | Unknown:
    """Is a bit different?"""
    twice = exam.twice
    if twice is None:
        return exam.unknown("R02", TITLE, "twice")
    if twice.builds_differ:
        what = f"two builds with the same seed differ in {twice.builds_differ}"
    elif twice.runs_differ is not None:
        what = (
            f"two runs from one state with the same batches differ from step {twice.runs_differ} on, "
            f"there by {twice.difference:.3g} in the loss"
        )
    else:
        return []
    return [
        Finding(
            code="R02",
            title=TITLE,
            number=twice.difference,
            threshold=0.0,
            n=twice.steps,
            text=f"{what[0].upper()}{what[1:]} ({twice.steps} steps compared).",
            remedy="Draw from the framework's generator, which is seeded for every trial and step; not from random, "
            "NumPy's global generator or the clock.",
            severity="warning",
            certain=True,
            place=exam.place,
            step=twice.runs_differ,
            cause="The run cannot be repeated exactly; a difference between settings may be one between runs.",
            wrong="self.mask = torch.from_numpy(np.random.rand(64))",
            right="self.mask = torch.rand(64)",
        )
    ]
