"""After many steps the loss is that of guessing.

What it detects

At least 200 training calls of a classification loss, whose last 50 average no better than 97 % of what a constant
guess by the labels' own shares costs, with no fall over the run.

Why it hurts

The net has learnt nothing from its inputs. Either no gradient arrives, or the inputs say nothing about the labels
(rows and labels paired wrongly), or the step is far too large or small.

Evidence

Statistics: the entropy of the labels that were seen, the mean of the last 50 losses, and the course of the loss.

Mend

    train on one batch of 32 rows: if the loss does not go to zero there, the fault is in the net, the loss or the
    optimizer; if it does, compare rows and labels by eye

When it keeps silent

Fewer calls; more than 1000 classes; class weights, label smoothing or soft targets; a learning rate that is still
warming up; a loss that falls.

Source

Karpathy, "A Recipe for Training Neural Networks"; TheDeepChecker (one-batch fit).
"""

from __future__ import annotations

import math
from statistics import fmean

from luthier.checks.reading import by_line, entropy, labels_at, learning, num, trained
from luthier.findings import Finding, Unknown
from luthier.watching.calls import LossCall
from luthier.watching.trace import Trace

CODE, TITLE, TIER = "L07", "the loss stays at chance", "quick"
CAUSES = (
    "D01",
    "D02",
    "D04",
    "D05",
    "D09",
    "D10",
    "D12",
    "L01",
    "L02",
    "L03",
    "L04",
    "L05",
    "L06",
    "L09",
    "L11",
    "L14",
    "L26",
    "M01",
    "M02",
    "M03",
    "M04",
    "M05",
    "M07",
    "M08",
    "M10",
    "M23",
    "N01",
    "N04",
    "O01",
    "O02",
    "O03",
    "O07",
    "T01",
    "T02",
    "T03",
    "T04",
    "T05",
    "T06",
    "T08",
    "T17",
)
MIN_CALLS, LAST = 200, 50
MAX_CLASSES = 1000
NEAR = 0.97


def judge(trace: Trace) -> list[Finding] | Unknown:
    """Training calls of classification losses, line by line."""
    if _warming_up(trace) or len(trace.optimizers) > 1:
        return []
    for place, calls in by_line(
        trained(trace, "cross_entropy", "nll_loss", "binary_cross_entropy_with_logits", "binary_cross_entropy")
    ):
        values = [c.result for c in calls if math.isfinite(c.result)]
        labels = labels_at(trace, place)
        if len(values) < MIN_CALLS or labels is None or not _is_plain(calls[0]) or _is_mixed(trace, calls[0]):
            continue
        chance = entropy(labels.counts.values())
        enough = labels.num_labels >= 10 * max(len(labels.counts), 1)
        last = fmean(values[-LAST:])
        if enough and chance > 0.05 and last >= NEAR * chance and learning(trace, values) is False:
            return [_finding(calls, last, chance)]
    return []


def _warming_up(trace: Trace) -> bool:
    """The highest learning rate of the run is the last one, and it began lower."""
    rates = [max(s.lr) for s in trace.steps if s.lr]
    return bool(rates) and rates[-1] >= max(rates) > 1.01 * rates[0]


def _is_mixed(trace: Trace, call: LossCall) -> bool:
    """Is one output held against two targets, as in a mixup? Then neither loss alone is what is trained."""
    return sum(c.forward == call.forward and c.name == call.name for c in trace.losses) == 2


def _is_plain(call: LossCall) -> bool:
    weighted = call.weight_shape is not None or bool(call.pos_weight) or call.label_smoothing > 0
    soft = (
        call.name == "cross_entropy"
        and call.target is not None
        and call.input is not None
        and call.target.shape == call.input.shape
    )
    return call.reduction == "mean" and not weighted and not soft and call.num_classes <= MAX_CLASSES


def _finding(calls: list[LossCall], last: float, chance: float) -> Finding:
    call = calls[-1]
    return Finding(
        code=CODE,
        title=TITLE,
        number=last,
        threshold=NEAR * chance,
        n=len(calls),
        text=f"the last {LAST} of {len(calls)} training losses average {num(last)}; guessing by the labels' shares "
        f"costs {num(chance)}.",
        remedy="Try to fit one batch of 32 rows: if that fails, the fault is in net, loss or optimizer; if it works, "
        "check that rows and labels belong together.",
        severity="warning",
        place=call.place,
        step=call.step,
        cause="Nothing of the inputs reaches the predictions, or the inputs say nothing about the labels.",
        evidence={"mean_last": last, "chance": chance},
    )
