"""The steps are as large as the weights themselves, and nothing is learned.

A healthy step changes a weight matrix by about a thousandth to a tenth of its size. Where the first steps change it
by more than its size, what was drawn at the start is gone at once, units saturate or die, and the loss stays where a
constant answer has it. The learning rate is too high, by orders of magnitude.

Evidence, two signals: the weights given to the first calls, compared call by call (one of the first three steps
changed the matrices by more than their size), and the loss, which after at least 50 calls is not 10 % below its
first value.

Mend: a learning rate a tenth to a thousandth as high.

    optimizer = optax.adam(1.0)     # wrong
    optimizer = optax.adam(1e-3)    # right
"""

from __future__ import annotations

from statistics import median
from typing import Any

from luthier.findings import Finding, Unknown
from luthier.watching.programs import Program, Updates

TITLE = "steps as large as the weights"
TIER = "quick"
CAUSES = ("J08", "J11", "J13", "J17")
LARGE = 1.0
LEARNED = 0.9
MIN_CALLS = 50
FIRST, LAST = 3, 5


def judge(trace: Any) -> list[Finding] | Unknown:
    """Losses whose weights could be compared from call to call."""
    updates = next((p for p in trace.programs if isinstance(p, Updates)), None)
    place = updates.place if updates is not None else None
    found = []
    for program in trace.programs:
        if not isinstance(program, Program) or len(program.changes) < FIRST or program.num_calls < MIN_CALLS:
            continue
        curve = [value for _, value in program.losses]
        largest = max(program.changes[:FIRST])
        if len(curve) < 2 * LAST or curve[0] <= 0 or not largest > LARGE:
            continue
        reached = median(curve[-LAST:])
        if not reached > LEARNED * curve[0]:
            continue
        found.append(
            Finding(
                code="J15",
                title=TITLE,
                number=largest,
                threshold=LARGE,
                n=program.num_calls,
                text=f"one of the first steps changed the weight matrices by {largest:.2g} times their size, "
                f"and after {program.num_calls} calls the loss `{program.name}` is {reached:.4g}; it began at "
                f"{curve[0]:.4g} and went up to {max(curve):.4g}.",
                remedy="Divide the learning rate by 100, then search around what works",
                severity="warning",
                place=place or program.place,
                others=(program.place,) if place and program.place else (),
                step=0,
                cause="An update larger than the weights throws away what they were: units saturate or die.",
                wrong="optax.adam(1.0)",
                right="optax.adam(1e-3)",
                evidence={"change": largest, "first_loss": curve[0], "loss": reached, "highest_loss": max(curve)},
            )
        )
    return found
