"""The commonest class weighs nothing.

What it detects

Class weights that are rounded down to whole numbers: total // (classes * count), or their integer part. The weight of
the commonest class, below one before rounding, is 0.

Why it hurts

Rows of that class are not trained on at all, and the net names the other classes in their place.

Evidence

The weights and at least 100 counted labels: each weight is the whole part of one over the share and the number of
classes, and at least two other classes differ in theirs.

Mend

Wrong:

    weight = (total // (num_classes * counts)).float()

Right:

    weight = total / (num_classes * counts)

When it keeps silent

A class that weighs 0 beside weights that are not whole numbers, or are all the same (padding, background).

Source

Python's floor division; scikit-learn's class_weight="balanced" (the same formula with a true division).
"""

from __future__ import annotations

import math

from luthier.checks.reading import by_line, labels_at, num, trained
from luthier.checks.wording import plural
from luthier.findings import Finding, Unknown
from luthier.watching.calls import Labels, LossCall
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "L24", "the commonest class weighs nothing", "quick", ()
MIN_LABELS = 100
ROUGHLY = 0.15
"""The counted labels are a part of those that the weights were made of."""


def judge(trace: Trace) -> list[Finding] | Unknown:
    """Weighted training losses, line by line."""
    found = []
    for place, calls in by_line(c for c in trained(trace, "cross_entropy", "nll_loss") if c.weights):
        labels = labels_at(trace, place)
        if labels is not None and labels.num_labels >= MIN_LABELS and _is_rounded(calls[0].weights, labels):
            found.append(_finding(calls, labels))
    return found


def _is_rounded(weights: tuple[float, ...], labels: Labels) -> bool:
    counts = [labels.counts.get(k, 0) for k in range(len(weights))]
    if min(counts) == 0 or weights[counts.index(max(counts))] != 0:
        return False
    wanted = [labels.num_labels / (len(weights) * n) for n in counts]
    whole = all(
        w == round(w) and math.floor(x * (1 - ROUGHLY)) <= w <= math.floor(x * (1 + ROUGHLY))
        for w, x in zip(weights, wanted, strict=True)
    )
    return whole and len({w for w in weights if w > 0}) >= min(2, len(weights) - 1)


def _finding(calls: list[LossCall], labels: Labels) -> Finding:
    weights = calls[0].weights
    counts = [labels.counts.get(k, 0) for k in range(len(weights))]
    common = counts.index(max(counts))
    wanted = labels.num_labels / (len(weights) * counts[common])
    return Finding(
        code=CODE,
        title=TITLE,
        number=0.0,
        threshold=wanted,
        n=labels.num_labels,
        text=f"class {common}, the commonest ({plural(counts[common], 'label')} of {labels.num_labels}), weighs 0: "
        f"{num(wanted)} was rounded down, as the other weights were.",
        remedy="Divide with /, not //, and do not turn the weights into whole numbers.",
        severity="error",
        place=calls[0].place,
        step=calls[0].step,
        cause="Rows of that class are not trained on at all.",
        wrong="weight = (total // (num_classes * counts)).float()",
        right="weight = total / (num_classes * counts)",
        evidence={"weights": list(weights[:50]), "counts": list(map(float, counts[:50]))},
    )
