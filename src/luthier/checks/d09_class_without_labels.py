"""Class 0 never occurs: the labels seem to count from one.

What it detects

Index targets of a classification loss with K outputs (K up to 50) that run from 1 to K - 1, while no label is 0 in at
least 20 K labels.

Why it hurts

One output is trained to be never right. Usually the labels count from one and an output was added to stop the crash;
then every reported class is off by one for whoever maps it back to a name.

Evidence

Counted labels of the training calls.

Mend

Wrong:

    model = Net(outputs=4)                   # labels 1, 2, 3
    loss = F.cross_entropy(model(x), y)

Right:

    model = Net(outputs=3)
    loss = F.cross_entropy(model(x), y - 1)

When it keeps silent

Class 0 is ignored on purpose (ignore_index), other classes are missing too (a subset of many classes), fewer labels.

Source

The catalogue of NeuraLint; torch's "Target 3 is out of bounds", which the extra output silences.
"""

from __future__ import annotations

from luthier.checks.reading import by_line, labels_at, trained
from luthier.checks.wording import plural
from luthier.findings import Finding, Unknown
from luthier.watching.calls import Labels, LossCall
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "D09", "class 0 never occurs", "quick", ("D25",)
MAX_CLASSES, PER_CLASS = 50, 20


def judge(trace: Trace) -> list[Finding] | Unknown:
    """Training calls with index targets, line by line."""
    found = []
    for place, calls in by_line(trained(trace, "cross_entropy", "nll_loss")):
        K = calls[0].num_classes
        labels = labels_at(trace, place)
        if labels is None or not 3 <= K <= MAX_CLASSES or any(c.ignore_index == 0 for c in calls):
            continue
        seen = {k for k, count in labels.counts.items() if count}
        if (
            seen == set(range(1, K))
            and sum(labels.counts.values()) >= PER_CLASS * K
            and not _weighs_nothing(calls[0])
        ):
            found.append(_finding(calls, labels, K))
    return found


def _weighs_nothing(call: LossCall) -> bool:
    return bool(call.weights) and call.weights[0] == 0


def _finding(calls: list[LossCall], labels: Labels, K: int) -> Finding:
    total = sum(labels.counts.values())
    return Finding(
        code=CODE,
        title=TITLE,
        number=1.0,
        threshold=0.0,
        n=total,
        text=f"the model has {K} outputs and {plural(total, 'label')} run from 1 to {K - 1}: none is 0.",
        remedy=f"If the labels count from one, subtract 1 and use {K - 1} outputs; if class 0 is padding, pass "
        "ignore_index=0.",
        severity="warning",
        place=calls[0].place,
        step=calls[0].step,
        cause="One output is trained to be never right, and every class is off by one.",
        wrong=f"loss = F.cross_entropy(model(x), y)        # y in 1..{K - 1}, {K} outputs",
        right=f"loss = F.cross_entropy(model(x), y - 1)    # y in 0..{K - 2}, {K - 1} outputs",
        evidence={"num_classes": K, "lowest": 1, "highest": K - 1},
    )
