"""Similarities are scaled down where a temperature should scale them up.

What it detects

A cross-entropy over cosine similarities (SimCLR, InfoNCE, CLIP) that are multiplied by the temperature, or divided by
one far above 1: the logits differ so little that the loss cannot fall much below that of guessing.

Why it hurts

A softmax of numbers in [-0.1, 0.1] is nearly flat: every other row of the batch pulls with the same weight, however
near it is, and the gradient is as small as the scale.

Evidence

Exact: the graph of the loss shows a product of rows of length 1, and the number that it is multiplied by. With N rows
and the scale s the loss cannot be below log(1 + (N - 1) exp(-2 s)); that counts where it is above 0.8 log N.

Mend

Wrong:

    logits = z @ z.T * temperature           # temperature 0.1

Right:

    logits = z @ z.T / temperature

When it keeps silent

Rows that are not normalised; scales of about 0.5 and more; losses that are written without a log-softmax.

Source

Chen et al. 2020, arXiv 2002.05709, section 5.1 (temperature); van den Oord et al. 2018, arXiv 1807.03748.
"""

from __future__ import annotations

import math

from luthier.checks.reading import graph_signs, num
from luthier.checks.wording import plural
from luthier.findings import Finding, Unknown
from luthier.watching.steps import GraphSign
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "L26", "similarities too flat", "quick", ()
MIN_PASSES = 3
FLAT = 0.8
"""Share of the loss of guessing that cannot be undercut."""


def judge(trace: Trace) -> list[Finding] | Unknown:
    """Lines of backward passes whose losses hold scaled similarities."""
    found = []
    for num_passes, signs in graph_signs(trace, "similarity"):
        if num_passes >= MIN_PASSES and all(_bound(s) > FLAT * math.log(s.size) for s in signs if s.size > 2):
            found.append(_finding(trace, signs, num_passes))
    return found


def _bound(sign: GraphSign) -> float:
    return math.log1p((sign.size - 1) * math.exp(-2 * sign.share))


def _finding(trace: Trace, signs: list[GraphSign], num_passes: int) -> Finding:
    sign = signs[0]
    call = next((c for c in trace.losses if c.trained_by == sign.backward and c.name == "cross_entropy"), None)
    return Finding(
        code=CODE,
        title=TITLE,
        number=sign.share,
        threshold=1.0,
        n=num_passes,
        text=f"cosine similarities are multiplied by {num(sign.share)} before the cross-entropy over {sign.size} "
        f"rows, in {plural(num_passes, 'looked-at pass')}: the loss cannot fall below {num(_bound(sign))}, and "
        f"guessing costs {num(math.log(sign.size))}.",
        remedy="Divide by the temperature.",
        severity="error",
        certain=True,
        place=call.place if call else sign.place,
        step=sign.step,
        cause="The softmax is nearly flat: near and far rows pull alike, and the gradient is as small as the scale.",
        wrong="logits = z @ z.T * temperature   # temperature 0.1",
        right="logits = z @ z.T / temperature",
    )
