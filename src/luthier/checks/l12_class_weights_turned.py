"""The class weights favour the frequent classes.

What it detects

Class weights of a training loss that grow with how often a class occurs: the commonest class weighs more than the
rarest by at least 1.5, and the order of weights agrees with the order of counts.

Why it hurts

Weights are meant to make up for rare classes. Turned round (the shares instead of one over the shares) they hide the
rare classes even more than no weights at all.

Evidence

The weights and at least 100 counted labels, counts that differ by a factor of 3 or more.

Mend

Wrong:

    weight = counts / counts.sum()

Right:

    weight = counts.sum() / (len(counts) * counts)

When it keeps silent

Balanced data; equal weights; classes that weigh 0 (padding); weights whose order is mixed.

Source

King and Zeng 2001 (weights one over the share); scikit-learn's class_weight="balanced".
"""

from __future__ import annotations

from collections.abc import Sequence

from luthier.checks.reading import by_line, labels_at, num, trained
from luthier.checks.wording import plural
from luthier.findings import Finding, Unknown
from luthier.watching.calls import Labels, LossCall
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "L12", "class weights the wrong way round", "quick", ()
MIN_LABELS = 100
IMBALANCE, FAVOUR = 3.0, 1.5


def judge(trace: Trace) -> list[Finding] | Unknown:
    """Weighted training losses, line by line."""
    found = []
    for place, calls in by_line(c for c in trained(trace, "cross_entropy", "nll_loss") if c.weights):
        labels = labels_at(trace, place)
        if labels is None or labels.num_labels < MIN_LABELS:
            continue
        pairs = [
            (labels.counts.get(k, 0), w) for k, w in enumerate(calls[0].weights) if w > 0 and labels.counts.get(k)
        ]
        if len(pairs) >= 2 and _is_turned(pairs):
            found.append(_finding(calls, labels, pairs))
    with_logits = trained(trace, "binary_cross_entropy_with_logits")
    for place, calls in by_line(c for c in with_logits if len(c.pos_weight) == 1):
        labels = labels_at(trace, place)
        if labels is None or labels.num_labels < MIN_LABELS or set(labels.counts) != {0, 1}:
            continue
        pairs = [(labels.counts[0], 1.0), (labels.counts[1], calls[0].pos_weight[0])]
        if pairs[1][1] > 0 and _is_turned(pairs):
            found.append(_finding(calls, labels, pairs))
    return found


def _is_turned(pairs: Sequence[tuple[int, float]]) -> bool:
    rare, common = min(pairs), max(pairs)
    if common[0] < IMBALANCE * rare[0] or common[1] < FAVOUR * rare[1]:
        return False
    ordered = sorted(pairs)
    unlike = [(a, b) for i, a in enumerate(ordered) for b in ordered[i + 1 :] if a[0] != b[0]]
    agreeing = sum(a[1] < b[1] for a, b in unlike)
    return agreeing >= 0.8 * len(unlike)


def _finding(calls: list[LossCall], labels: Labels, pairs: Sequence[tuple[int, float]]) -> Finding:
    rare, common = min(pairs), max(pairs)
    return Finding(
        code=CODE,
        title=TITLE,
        number=common[1] / rare[1],
        threshold=1.0,
        n=labels.num_labels,
        text=f"the commonest class ({plural(common[0], 'label')}) weighs {num(common[1])}, the rarest "
        f"({plural(rare[0], 'label')}) {num(rare[1])}: the weights make the imbalance worse.",
        remedy="Weigh a class by one over its share.",
        severity="warning",
        place=calls[0].place,
        step=calls[0].step,
        cause="Rare classes count even less than without weights.",
        wrong="weight = counts / counts.sum()",
        right="weight = counts.sum() / (len(counts) * counts)",
        evidence={"weights": list(calls[0].weights[:50]), "counts": [n for n, _ in pairs[:50]]},
    )
