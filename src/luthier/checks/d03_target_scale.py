"""The targets of a regression lie far from unit scale, and the net has not got there.

What it detects

Targets of mse or l1 with a standard deviation above 100 or a mean more than 10 deviations from 0, while the last
training losses are still worse than predicting the mean.

Why it hurts

A fresh net gives numbers near 0. With a learning rate fit for weights near 1 it takes very long to reach 300,000, and
the loss (squared) and its gradients are huge on the way.

Evidence

Mean and deviation of at least 64 targets; the mean of the last ten losses beside the targets' variance (mean absolute
deviation for l1).

Mend

Wrong:

    loss = F.mse_loss(model(x), price)

Right:

    loss = F.mse_loss(model(x), (price - mean) / std)       # and predict with model(x) * std + mean

When it keeps silent

The loss is below the targets' variance: the net copes.

Source

stackoverflow.com/questions/52800582.
"""

from __future__ import annotations

import math
from statistics import fmean

from luthier.checks.reading import by_line, labels_at, num, trained
from luthier.checks.wording import plural
from luthier.findings import Finding, Unknown
from luthier.watching.calls import Labels, LossCall
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "D03", "targets far from unit scale", "quick", ("L04", "L05", "D01", "D02")
MIN_TARGETS, LAST = 64, 10
LARGE, FAR = 100.0, 10.0


def judge(trace: Trace) -> list[Finding] | Unknown:
    """Training calls of the regression losses, line by line."""
    found = []
    for place, calls in by_line(trained(trace, "mse_loss", "l1_loss")):
        labels = labels_at(trace, place)
        values = [c.result for c in calls if math.isfinite(c.result)][-LAST:]
        if labels is None or labels.num_labels < MIN_TARGETS or len(values) < LAST or calls[0].reduction != "mean":
            continue
        far = labels.std > LARGE or (
            labels.std > 0 and abs(labels.mean) > FAR * labels.std and abs(labels.mean) > FAR
        )
        guess = labels.std**2 if calls[0].name == "mse_loss" else 0.8 * labels.std
        if far and fmean(values) > guess > 0:
            found.append(_finding(calls, labels, fmean(values), guess))
    return found


def _finding(calls: list[LossCall], labels: Labels, last: float, guess: float) -> Finding:
    return Finding(
        code=CODE,
        title=TITLE,
        number=labels.std,
        threshold=LARGE,
        n=labels.num_labels,
        text=f"{plural(labels.num_labels, 'target')} have mean {num(labels.mean)} and standard deviation "
        f"{num(labels.std)}; after {len(calls)} calls the {calls[0].name} is {num(last)}, worse than predicting the "
        f"mean ({num(guess)}).",
        remedy="Standardise the targets with mean and deviation of the training rows, and undo it for predictions.",
        severity="warning",
        place=calls[0].place,
        step=calls[0].step,
        cause="A fresh net gives numbers near 0 and takes very long to reach targets of this size.",
        wrong="loss = F.mse_loss(model(x), price)",
        right="loss = F.mse_loss(model(x), (price - mean) / std)   # predictions: model(x) * std + mean",
        evidence={"mean": labels.mean, "std": labels.std, "loss": last},
    )
