"""Gradients are clipped to next to nothing.

What it detects

`clip_grad_norm_` with a bound of a hundredth of the gradients' norm or less, in nearly every step, before an
optimizer whose step grows with the gradient; and a loss that does not fall.

Why it hurts

The length of every step is the bound times the learning rate, whatever the gradient says: the real rate is a
hundredth or a thousandth of what is written.

Evidence

The norm that each call returned, by the bound; and the course of the loss.

Mend

Wrong:

    clip_grad_norm_(model.parameters(), max_norm=0.001)

Right:

    clip_grad_norm_(model.parameters(), max_norm=1.0)

Clip at about the 90th percentile of the norms.

When it keeps silent

Optimizers that divide by the gradient's size, such as Adam (a constant factor is nothing to them); bounds that cut a
few steps; a loss that falls.

Source

Deep Learning Tuning Playbook (gradient clipping).
"""

from __future__ import annotations

import math
from statistics import median

from luthier.checks.reading import by_line, learning, num
from luthier.checks.stepping import COUPLED_TO_SCALE
from luthier.checks.wording import code, percent
from luthier.findings import Finding, Place, Unknown
from luthier.watching.steps import Clip
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = (
    "O10",
    "gradients are clipped to nothing",
    "quick",
    ("O06", "O02", "D01", "D02", "D03", "N01"),
)
MIN_CALLS = 20
TIMES = 100.0
SHARE = 0.9


def judge(trace: Trace) -> list[Finding] | Unknown:
    """One finding a line."""
    if not any(o.name in COUPLED_TO_SCALE and o.num_steps for o in trace.optimizers.values()):
        return []
    found, short = [], False
    for place, calls in by_line(c for c in trace.clips if c.name == "clip_grad_norm_" and c.num_fresh):
        known = [
            c
            for c in calls
            if math.isfinite(c.norm) and math.isfinite(c.max_norm) and c.max_norm > 0 and not c.scaled
        ]
        if len(known) < MIN_CALLS:
            short |= bool(known)
            continue
        cut = [c for c in known if c.norm > TIMES * c.max_norm]
        if len(cut) >= SHARE * len(known) and learning(trace) is False:
            found.append(_finding(place, known, len(cut) / len(known)))
    if not found and short:
        return Unknown(code=CODE, title=TITLE, reason="few clipped steps were seen", needs=f"{MIN_CALLS} steps")
    return found


def _finding(place: Place | None, calls: list[Clip], share: float) -> Finding:
    norm, bound = median(c.norm for c in calls), calls[0].max_norm
    return Finding(
        code=CODE,
        title=TITLE,
        number=norm / bound,
        threshold=TIMES,
        n=len(calls),
        text=f"{percent(share)} of {len(calls)} steps were cut to less than a hundredth: the gradients' norm is "
        f"{num(norm)} (median), the bound {num(bound)}. Every step is {num(norm / bound)} times shorter than the "
        "learning rate says, and the loss did not fall.",
        remedy=f"Raise the bound to about the largest usual norm ({num(2 * norm)}).",
        severity="warning",
        certain=False,
        place=place,
        step=calls[0].step,
        cause="A bound below all gradients does not tame the rare long one: it fixes the length of every step.",
        wrong=code(f"clip_grad_norm_(model.parameters(), max_norm={num(bound)})"),
        right=code(f"clip_grad_norm_(model.parameters(), max_norm={num(2 * norm)})"),
        evidence={"median_norm": norm, "max_norm": bound},
    )
