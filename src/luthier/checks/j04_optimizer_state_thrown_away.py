"""The optimizer's new state is thrown away: it is at its first step for ever.

`optimizer.update` returns the updates and a new state (moments, step counter). With the old state passed in again,
Adam takes each step as its first: the moments hold one gradient only, and a schedule never moves.

Evidence: the optimizer's own step counter, at its first value in at least 5 calls in a row. Exact.

Mend:

    updates, _ = optimizer.update(grads, state, params)        # wrong
    updates, state = optimizer.update(grads, state, params)    # right, and return state from the step
"""

from __future__ import annotations

from typing import Any

from luthier.findings import Finding, Unknown
from luthier.watching.programs import Updates

TITLE = "optimizer state is thrown away"
TIER = "quick"
CAUSES = ()
MIN_CALLS = 5


def judge(trace: Any) -> list[Finding] | Unknown:
    """The step counter of the optimizer."""
    found = []
    for updates in trace.programs:
        if not isinstance(updates, Updates) or not MIN_CALLS <= updates.num_counts == updates.num_first:
            continue
        found.append(
            Finding(
                code="J04",
                title=TITLE,
                number=float(updates.num_first),
                threshold=1.0,
                n=updates.num_counts,
                text=f"the optimizer's step counter is at its first value in each of {updates.num_counts} steps.",
                remedy="Pass the state that `update` returned to the next `update`",
                severity="error",
                certain=True,
                place=updates.place,
                step=0,
                cause="Moments and schedules live in the state; with the first state every step is the first.",
                wrong="updates, _ = optimizer.update(grads, state, params)",
                right="updates, state = optimizer.update(grads, state, params)",
            )
        )
    return found
