"""The targets are not what the loss takes them for.

What it detects

- `cross_entropy` with one number a class whose rows do not add up to 1 (several labels a row, raw amounts);
- `binary_cross_entropy_with_logits` with targets outside [0, 1] (labels -1 and 1, masks of 0 and 255).

Why it hurts

Targets that add up to s weigh a row s times, and softmax can serve only one label: with several ones in a row the
classes compete. Outside [0, 1] the binary loss has no lower bound: it falls forever while the logits run away.

Evidence

The range and row sums of the targets in at least three looked-at calls.

Mend

Wrong:

    loss = F.binary_cross_entropy_with_logits(out, mask)            # mask of 0 and 255

Right:

    loss = F.binary_cross_entropy_with_logits(out, (mask > 0).float())

When it keeps silent

Class indices; distributions (label smoothing, mixed labels, teachers); rows of zeros (ignored rows).

Source

PyTorch documentation of CrossEntropyLoss (class probabilities) and BCEWithLogitsLoss.
"""

from __future__ import annotations

import math

from luthier.checks.reading import by_line, num, shaped, trained
from luthier.checks.wording import code, plural
from luthier.findings import Finding, Unknown
from luthier.watching.calls import LossCall
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "L11", "targets of another kind", "quick", ()
MIN_CALLS = 3
SLACK = 1e-2


def judge(trace: Trace) -> list[Finding] | Unknown:
    """Training calls of the two losses, line by line."""
    found = []
    for _, calls in by_line(trained(trace, "cross_entropy", "binary_cross_entropy_with_logits")):
        finding = _no_distribution(calls) if calls[0].name == "cross_entropy" else _outside(calls)
        if finding is not None:
            found.append(finding)
    return found


def _no_distribution(calls: list[LossCall]) -> Finding | None:
    soft = [
        c
        for c in calls
        if c.input and c.target and c.target.shape == c.input.shape and math.isfinite(c.target_row_sum_high)
    ]
    off = [c for c in soft if c.target_row_sum_high > 1 + SLACK or _lowest(c) < -SLACK]
    if len(soft) < MIN_CALLS or len(off) < 0.9 * len(soft):
        return None
    first = off[0]
    shape = first.target.shape if first.target else None
    low, high = min(c.target_row_sum_low for c in off), max(c.target_row_sum_high for c in off)
    return Finding(
        code=CODE,
        title=TITLE,
        number=high,
        threshold=1.0,
        n=len(off),
        text=f"cross_entropy takes targets of shape {shaped(shape)} for class probabilities, but their rows add up "
        f"to {num(low)} to {num(high)} ({plural(len(off), 'looked-at call')}).",
        remedy="For several labels a row use binary_cross_entropy_with_logits; for one label a row give its index; "
        "for amounts use mse_loss.",
        severity="error",
        certain=True,
        place=first.place,
        step=first.step,
        cause="Softmax shares one unit of probability among the classes: rows that add up to more can never be "
        "reached.",
        wrong="loss = F.cross_entropy(model(x), several_labels)",
        right="loss = F.binary_cross_entropy_with_logits(model(x), several_labels)",
        evidence={"row_sum_low": low, "row_sum_high": high},
    )


def _lowest(call: LossCall) -> float:
    return call.target.stats.low if call.target and call.target.stats else 0.0


def _outside(calls: list[LossCall]) -> Finding | None:
    looked = [(c, c.target.stats) for c in calls if c.target and c.target.stats]
    off = [(c, s) for c, s in looked if s.high > 1 + SLACK or s.low < -SLACK]
    if len(looked) < MIN_CALLS or len(off) < 0.5 * len(looked):
        return None
    low, high = min(s.low for _, s in off), max(s.high for _, s in off)
    signs = low >= -1 - SLACK and high <= 1 + SLACK
    return Finding(
        code=CODE,
        title=TITLE,
        number=high if high > 1 + SLACK else low,
        threshold=1.0 if high > 1 + SLACK else 0.0,
        n=len(off),
        text=f"binary_cross_entropy_with_logits was given targets from {num(low)} to {num(high)} in "
        f"{plural(len(off), 'looked-at call')}; they must lie in [0, 1], else the loss has no lower bound.",
        remedy="Map the labels -1 and 1 to 0 and 1."
        if signs
        else "Bring the targets to 0 and 1 (masks: `mask > 0`).",
        severity="error",
        certain=True,
        place=off[0][0].place,
        step=off[0][0].step,
        cause="Outside [0, 1] the loss falls forever while the outputs run away.",
        wrong=code("""
            loss = F.binary_cross_entropy_with_logits(out, labels)
        """),
        right="loss = F.binary_cross_entropy_with_logits(out, "
        f"{'(labels + 1) / 2' if signs else '(labels > 0).float()'})",
        evidence={"target_low": low, "target_high": high},
    )
