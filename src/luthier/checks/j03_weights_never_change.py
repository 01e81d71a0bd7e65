"""The weights stay as they are: the new ones are thrown away, or every update is zero.

JAX's arrays do not change. `optax.apply_updates` and a jitted step return new weights; who does not bind them to the
name that the next call reads trains the same first step for ever.

Evidence: the weights given to the first 20 calls are equal, bit for bit, although updates were applied. Exact.

Mend:

    new_params, state, loss = step(params, state, batch)   # wrong: params stays as it was
    params, state, loss = step(params, state, batch)       # right
"""

from __future__ import annotations

from typing import Any

from luthier.findings import Finding, Unknown
from luthier.watching.programs import Program, Updates

TITLE = "weights never change"
TIER = "quick"
CAUSES = ("J05", "J07", "J12")
MIN_CALLS = 20


def judge(trace: Any) -> list[Finding] | Unknown:
    """Losses whose weights were compared over 20 calls, in programs that apply updates."""
    updates = next((p for p in trace.programs if isinstance(p, Updates)), None)
    if updates is None or not updates.num_applied:
        return []
    found = []
    for program in trace.programs:
        if not isinstance(program, Program) or program.num_compared < MIN_CALLS:
            continue
        if (
            program.num_same_weights < program.num_compared
            or program.num_updated < MIN_CALLS - 1
            or not program.num_weights
        ):
            continue
        if not program.moves:
            found.append(_still(program))
            continue
        found.append(
            Finding(
                code="J03",
                title=TITLE,
                number=float(program.num_same_weights),
                threshold=float(MIN_CALLS),
                n=program.num_compared,
                text=f"`{program.name}` was given exactly the same weights in each of its first "
                f"{program.num_compared} calls, although updates were applied.",
                remedy="Bind the returned weights to the name that the next call reads",
                severity="error",
                certain=True,
                place=updates.place or program.place,
                others=(program.place,) if program.place and updates.place else (),
                step=0,
                cause="Arrays do not change in place: the new weights exist only in what is returned.",
                wrong="new_params = optax.apply_updates(params, updates)",
                right="params = optax.apply_updates(params, updates)",
            )
        )
    return found


def _still(program: Program) -> Finding:
    return Finding(
        code="J03",
        title=TITLE,
        number=0.0,
        n=program.num_compared,
        text=f"the weights of `{program.name}` are exactly the same in each of its first {program.num_compared} "
        "calls: every update is zero.",
        remedy="Look for a learning rate of 0, and for a loss whose gradient is zero (a dead relu, a softmax of one)",
        severity="error",
        certain=True,
        place=program.place,
        step=0,
        cause="Steps that change nothing teach nothing.",
    )
