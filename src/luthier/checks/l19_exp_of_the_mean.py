"""A loss that weighs each row by its own probability is given the mean of the batch.

What it detects

`exp(-loss)` inside a loss, where `loss` is a cross-entropy that was averaged over the batch to one number.

Why it hurts

The focal loss weighs easy rows down and hard rows up. Computed from the mean, all rows of a batch get one weight: it
is the plain cross-entropy with a learning rate that changes, and rare rows are drowned as before.

Evidence

Exact: the autograd graph of the loss, and the shape of the averaged number in it.

Mend

Wrong:

    ce = F.cross_entropy(logits, y)

Right:

    ce = F.cross_entropy(logits, y, reduction="none")

When it keeps silent

Cross-entropies of single rows (reduction="none"); exponentials of anything else.

Source

Lin et al. 2017, arXiv 1708.02002, equation 4.
"""

from __future__ import annotations

from luthier.checks.reading import graph_signs
from luthier.checks.wording import plural
from luthier.findings import Finding, Place, Unknown
from luthier.watching.steps import GraphSign
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "L19", "rows weighed by the batch's mean", "quick", ()
MIN_PASSES = 3


def judge(trace: Trace) -> list[Finding] | Unknown:
    """Graphs of losses, by the line of their backward pass."""
    return [
        _finding(n, signs, _loss_lines(trace, signs))
        for n, signs in graph_signs(trace, "exp of mean")
        if n >= MIN_PASSES
    ]


def _loss_lines(trace: Trace, signs: list[GraphSign]) -> tuple[Place, ...]:
    passes = {s.backward for s in signs}
    places = {c.place for c in trace.losses if c.trained_by in passes and c.reduction == "mean" and c.place}
    return tuple(sorted(places, key=lambda p: (p.file, p.line)))[:2]


def _finding(n: int, signs: list[GraphSign], lines: tuple[Place, ...]) -> Finding:
    return Finding(
        code=CODE,
        title=TITLE,
        n=n,
        text="the loss holds exp(-ce) of a cross-entropy that is the mean of the batch, one number, in "
        f"{plural(n, 'looked-at backward pass')}: all rows of a batch get the same weight.",
        remedy='Compute the cross-entropy with reduction="none", weigh the rows, then take the mean.',
        severity="warning",
        certain=True,
        place=lines[0] if lines else signs[0].place,
        others=(*lines[1:], *((signs[0].place,) if lines and signs[0].place else ())),
        step=signs[0].step,
        cause="It is the plain cross-entropy with another learning rate in each batch; hard rows weigh no more.",
        wrong="ce = F.cross_entropy(logits, y);  loss = (1 - torch.exp(-ce)) ** 2 * ce",
        right='ce = F.cross_entropy(logits, y, reduction="none")\nloss = ((1 - torch.exp(-ce)) ** 2 * ce).mean()',
        evidence={"passes": n},
    )
