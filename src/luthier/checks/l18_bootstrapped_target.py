"""The target of a temporal difference carries a gradient.

What it detects

A loss of `output` against `r + gamma * output of another call`, or their difference, where both calls are of one
model and the gradient flows into both.

Why it hurts

The target is meant to be a fixed number in each step. With its gradient, the net is also pushed to make the next
state's value fit this one's: another method, which is slow and biased where transitions are random.

Evidence

Exact: the autograd graph of the loss.

Mend

Wrong:

    target = r + gamma * V(s2)

Right:

    with torch.no_grad():
        target = r + gamma * V(s2)

When it keeps silent

Targets under no_grad, detached, or of another model; pairs of outputs that are compared as they are (siamese nets).

Source

Sutton and Barto 2018, section 9.3 (semi-gradient methods); Baird 1995 (residual gradients); Mnih et al. 2015.
"""

from __future__ import annotations

from luthier.checks.reading import graph_signs
from luthier.checks.wording import code, plural
from luthier.findings import Finding, Unknown
from luthier.watching.steps import GraphSign
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "L18", "the bootstrapped target carries a gradient", "quick", ()
MIN_PASSES = 3


def judge(trace: Trace) -> list[Finding] | Unknown:
    """Graphs of losses, by the line of their backward pass."""
    return [_finding(n, signs) for n, signs in graph_signs(trace, "bootstrap") if n >= MIN_PASSES]


def _finding(n: int, signs: list[GraphSign]) -> Finding:
    return Finding(
        code=CODE,
        title=TITLE,
        n=n,
        text=f"in {plural(n, 'looked-at backward pass')} the loss compares an output of the model with its own "
        "output of another call, scaled and added to a reward, and the gradient flows into both.",
        remedy="Compute the target under torch.no_grad(), from a target network where there is one.",
        severity="warning",
        certain=True,
        place=signs[0].place,
        step=signs[0].step,
        cause="The net moves its target towards its guess as well as its guess towards the target.",
        wrong="target = r + gamma * V(s2)",
        right=code("""
            with torch.no_grad():
                target = r + gamma * V(s2)
        """),
        evidence={"passes": n},
    )
