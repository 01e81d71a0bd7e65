"""The target of a temporal difference carries a gradient.

A loss of `v(p, s)` against `r + gamma * v(p, s2)`: the target is meant to be a fixed number in each step. With its
gradient, the net is also pushed to make the next state's value fit this one's: another method (residual gradients),
which is slow, and biased where transitions are random.

Evidence: in the operations of the loss, the difference of an output and of an argument plus a discounted output for
another input, with a path from the same weights to both; exact. Targets of other weights (a target network) and those
behind `stop_gradient` are passed over.

Mend: stop the gradient of the target.

    target = r + 0.99 * v(p, s2)                            # wrong
    target = jax.lax.stop_gradient(r + 0.99 * v(p, s2))     # right

Sutton and Barto 2018, section 9.3 (semi-gradient methods); Baird 1995 (residual gradients).
"""

from __future__ import annotations

from typing import Any

from luthier.checks.remarks import remarks
from luthier.findings import Finding, Unknown

TITLE = "the bootstrapped target carries a gradient"
TIER = "quick"
CAUSES = ()


def judge(trace: Any) -> list[Finding] | Unknown:
    """Remarks on the operations of losses, one a line."""
    return [
        Finding(
            code="J16",
            title=TITLE,
            n=1,
            text=f"the loss `{program.name}` compares an output with a reward plus its own discounted output "
            "for another input, and the gradient flows into both.",
            remedy="Put the target into jax.lax.stop_gradient",
            severity="warning",
            certain=True,
            place=remark.place,
            step=0,
            cause="The target is a number to be reached, not one to be moved: with its gradient both ends move.",
            wrong="target = r + 0.99 * v(p, s2)",
            right="target = jax.lax.stop_gradient(r + 0.99 * v(p, s2))",
        )
        for program, remark in remarks(trace, "bootstrapped")
    ]
