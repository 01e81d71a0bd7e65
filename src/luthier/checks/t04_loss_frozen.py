"""The loss never moves, to the last bit.

What it detects

From the first backward pass of a line on, twenty or more passes with exactly the same loss, and gradients that are
all zero or the same each time, or no optimizer at all.

Why it hurts

Nothing is learned. Often an update by hand is bound to a new name and never reaches the weights.

Evidence

Equality of the loss (to 1e-7 of its value) over at least 20 passes from the first on, and equality of the gradient's
norm.

Mend

Wrong:

    for p in params:
        p = p - lr * p.grad

Right:

    with torch.no_grad():
        for p in params:
            p -= lr * p.grad

When it keeps silent

A loss that has fallen and then stands still (a fit that has ended); surrogates whose value is constant by
construction while their gradients change.

Source

PyTorch's forum; TheDeepChecker's check of an unstable loss, made exact.
"""

from __future__ import annotations

import math

from luthier.checks.reading import by_line, num
from luthier.checks.wording import code
from luthier.findings import Finding, Unknown
from luthier.watching.steps import Backward
from luthier.watching.trace import Trace

CODE, TITLE, TIER = "T04", "the loss never moves", "quick"
CAUSES = ("T03", "T05", "T17", "L02", "M08", "O01", "T02", "T06", "M07", "E03", "L05", "N04")
MIN_PASSES = 20
EQUAL = 1e-7
"""Relative: the spacing of 32-bit numbers."""


def judge(trace: Trace) -> list[Finding] | Unknown:
    """One finding for each line with a backward pass."""
    found, short = [], False
    passes = [b for b in trace.backwards if not b.raised and not b.in_step and math.isfinite(b.loss)]
    for _, group in by_line(passes):
        short |= len(group) < MIN_PASSES
        if len(group) >= MIN_PASSES and _is_frozen(trace, group):
            found.append(_finding(group))
    if not found and short:
        return Unknown(code=CODE, title=TITLE, reason=f"fewer than {MIN_PASSES} backward passes of a line were seen")
    return found


def _is_frozen(trace: Trace, group: list[Backward]) -> bool:
    losses = [b.loss for b in group]
    low, high = min(losses), max(losses)
    if high - low > EQUAL * abs(high) or high in (0.0, 1.0, -1.0):
        return False
    norms = [b.grad_norm for b in group if math.isfinite(b.grad_norm)]
    if not trace.optimizers:
        return True
    return len(norms) >= MIN_PASSES // 2 and max(norms) - min(norms) <= EQUAL * max(norms)


def _finding(group: list[Backward]) -> Finding:
    first = group[0]
    return Finding(
        code=CODE,
        title=TITLE,
        number=max(b.loss for b in group) - min(b.loss for b in group),
        threshold=EQUAL * abs(first.loss),
        n=len(group),
        text=f"The loss was {num(first.loss)} in all {len(group)} backward passes, from the first to the last.",
        remedy="See that the update reaches the very tensors that the forward pass uses, in place and under no_grad.",
        severity="error",
        certain=False,
        place=first.place,
        step=first.step,
        cause="A loss that does not move by a bit says that the weights in use do not change.",
        wrong=code("""
            for p in params:
                p = p - lr * p.grad
        """),
        right=code("""
            with torch.no_grad():
                for p in params:
                    p -= lr * p.grad
        """),
    )
