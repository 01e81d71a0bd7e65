"""The advantage in a policy's loss carries a gradient into the critic.

What it detects

A product of the log-probability of an action and of `return - value`, where the gradient flows into the value too.

Why it hurts

The policy's loss falls when the advantage of likely actions grows, so the critic is pushed to be wrong: to value
states low. What it learns from its own loss is undone.

Evidence

Exact: the autograd graph of the loss.

Mend

Wrong:

    policy_loss = -(log_prob * (returns - value)).mean()

Right:

    policy_loss = -(log_prob * (returns - value.detach())).mean()

When it keeps silent

Detached advantages; products with anything that is made of probabilities (entropy, soft targets).

Source

Sutton and Barto 2018, section 13.5; Mnih et al. 2016, arXiv 1602.01783.
"""

from __future__ import annotations

from luthier.checks.reading import graph_signs
from luthier.checks.wording import plural
from luthier.findings import Finding, Unknown
from luthier.watching.steps import GraphSign
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "L20", "the advantage carries a gradient", "quick", ()
MIN_PASSES = 3


def judge(trace: Trace) -> list[Finding] | Unknown:
    """Graphs of losses, by the line of their backward pass."""
    return [_finding(n, signs) for n, signs in graph_signs(trace, "advantage") if n >= MIN_PASSES]


def _finding(n: int, signs: list[GraphSign]) -> Finding:
    return Finding(
        code=CODE,
        title=TITLE,
        n=n,
        text=f"in {plural(n, 'looked-at backward pass')} the log-probability of an action is multiplied by a "
        "difference through which the gradient flows into the value net.",
        remedy="Detach the value in the policy's loss; train the value by its own loss only.",
        severity="error",
        certain=True,
        place=signs[0].place,
        step=signs[0].step,
        cause="The policy's loss pushes the critic to value states low, whatever the returns are.",
        wrong="policy_loss = -(log_prob * (returns - value)).mean()",
        right="policy_loss = -(log_prob * (returns - value.detach())).mean()",
        evidence={"passes": n},
    )
