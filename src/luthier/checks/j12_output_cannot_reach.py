"""The last operation cannot produce the targets.

A relu gives no negative number, a sigmoid and a softmax nothing outside 0..1, a tanh nothing outside -1..1. With
targets beyond that the loss stays high, and units stuck at the bound get no gradient.

Evidence: the range of the prediction where it meets the target, from the operations of the loss, and the lowest and
highest target; beyond by more than a tenth of the targets' standard deviation.

Mend: leave the last layer linear, or bring the targets into the range.
"""

from __future__ import annotations

from typing import Any

from luthier.findings import Finding, Unknown
from luthier.watching.programs import Program

TITLE = "last operation cannot reach the targets"
TIER = "quick"
CAUSES = ()
MARGIN = 0.1


def judge(trace: Any) -> list[Finding] | Unknown:
    """Losses in which a prediction with known bounds meets one target."""
    found = []
    for program in trace.programs:
        if not isinstance(program, Program) or program.activation in ("", "linear") or len(program.targets) != 1:
            continue
        target, (low, high) = program.targets[0], program.bounds
        if not target.std > 0:
            continue
        beyond = max(low - target.low, target.high - high) / target.std
        if not beyond > MARGIN:
            continue
        found.append(
            Finding(
                code="J12",
                title=TITLE,
                number=beyond,
                threshold=MARGIN,
                n=target.n,
                text=f"the prediction ends with {program.activation}, from {low:.4g} to {high:.4g}, but the targets "
                f"go from {target.low:.4g} to {target.high:.4g}.",
                remedy="Leave the last layer linear, or scale the targets into the range",
                severity="error",
                certain=True,
                place=program.place,
                step=0,
                cause="Targets beyond the bound can never be met; a unit stuck at the bound gets no gradient.",
            )
        )
    return found
