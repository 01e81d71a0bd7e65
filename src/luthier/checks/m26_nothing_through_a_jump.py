"""Weights that the loss depends on through a rounding only: their gradient is zero.

What it detects

`round`, `sign`, `floor`, `ceil` or `trunc` in the graph of a loss, where that is the only way from the loss to some
of the weights.

Why it hurts

Such a function is level almost everywhere, so its derivative is zero: the layers before it keep their first weights,
while those behind it learn and the loss falls. Nothing is raised, and no gradient is missing.

Evidence

Exact: the autograd graph, in each pass that was looked at.

Mend

Wrong:

    code = torch.round(p)

Right:

    code = p + (torch.round(p) - p).detach()      # the gradient goes straight through

When it keeps silent

A straight-through estimator; rounding of what needs no gradient; weights that the loss also reaches in another way.

Source

Bengio et al. 2013, arXiv 1308.3432 (the straight-through estimator).
"""

from __future__ import annotations

from luthier.checks.reading import graph_signs
from luthier.checks.wording import called_in, code, plural
from luthier.findings import Finding, Place, Unknown
from luthier.watching.steps import GraphSign
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "M26", "no gradient comes through a rounding", "quick", ()
MIN_PASSES = 3


def judge(trace: Trace) -> list[Finding] | Unknown:
    """Graphs of losses, by the line of their backward pass."""
    found = []
    for passes, signs in graph_signs(trace, "jump"):
        if passes >= MIN_PASSES and all(s.size for s in signs):
            found.append(_finding(signs, called_in(trace.sources, signs[0].layer)))
    return found


def _finding(signs: list[GraphSign], called: Place | None) -> Finding:
    sign = signs[0]
    return Finding(
        code=CODE,
        title=TITLE,
        number=float(sign.size),
        threshold=0.0,
        n=len(signs),
        text=f"the loss depends on {plural(sign.size, 'weight tensor')} through {sign.layer} only, whose derivative "
        f"is zero: they get no gradient ({plural(len(signs), 'looked-at backward pass')}).",
        remedy="Let the gradient go straight through, or use a smooth function.",
        severity="error",
        certain=True,
        place=called or sign.place,
        others=(sign.place,) if called and sign.place else (),
        step=sign.step,
        cause="The layers before it stay as they were initialised.",
        wrong=f"code = torch.{sign.layer}(p)",
        right=code(f"code = p + (torch.{sign.layer}(p) - p).detach()"),
        evidence={"function": sign.layer, "tensors": sign.size},
    )
