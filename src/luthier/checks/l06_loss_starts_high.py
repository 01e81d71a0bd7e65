"""The loss starts far above that of guessing and does not come down to it.

What it detects

The first five training losses are three times (and 2 nats) above ln K, that of equal chances for K classes (0.69 for
two), and after at least 30 calls the loss is still above it.

Why it hurts

The net starts very sure of wrong answers: the last layer's initial values or the inputs are far too large. The first
steps are spent on undoing that, with huge gradients, and may never recover.

Evidence

The framework's own loss value with mean reduction and without class weights (statistics: five first calls, ten last).

Mend

    scale the inputs; leave the default initialisation of the last layer or make its weights small

When it keeps silent

Loaded weights; sum reduction; class weights; label smoothing; a bad start that is over after 30 calls.

Source

Karpathy, "A Recipe for Training Neural Networks" (verify loss at init); TheDeepChecker.
"""

from __future__ import annotations

import math
from statistics import fmean, median

from luthier.checks.reading import by_line, model_of, num, trained
from luthier.findings import Finding, Unknown
from luthier.watching.calls import LossCall
from luthier.watching.trace import Trace

CODE, TITLE, TIER = "L06", "the loss starts far above chance", "quick"
CAUSES = ("D01", "D02", "D04", "D09", "L01", "L02", "L03", "L11", "L14", "M10", "O02", "T01", "L04", "N01")
FIRST, LAST, MIN_CALLS = 5, 10, 30


def judge(trace: Trace) -> list[Finding] | Unknown:
    """Training calls of the two classification losses, line by line."""
    found = []
    for _, calls in by_line(trained(trace, "cross_entropy", "binary_cross_entropy_with_logits")):
        values = [c.result for c in calls if math.isfinite(c.result)]
        if len(values) < MIN_CALLS or not _is_plain(trace, calls[0]):
            continue
        chance = math.log(calls[0].num_classes) if calls[0].name == "cross_entropy" else math.log(2)
        start, end = median(values[:FIRST]), fmean(values[-LAST:])
        if chance > 0 and start > max(3 * chance, chance + 2) and end > 1.2 * chance:
            found.append(_finding(calls, start, end, chance))
    return found


def _is_plain(trace: Trace, call: LossCall) -> bool:
    model = model_of(trace, call.forward)
    loaded = model is not None and (
        model.loaded or any(trace.parameters[p].loaded for p in model.parameters if p in trace.parameters)
    )
    weighted = call.weight_shape is not None or bool(call.pos_weight) or call.label_smoothing > 0
    return call.reduction == "mean" and not weighted and not loaded


def _finding(calls: list[LossCall], start: float, end: float, chance: float) -> Finding:
    call = calls[0]
    return Finding(
        code=CODE,
        title=TITLE,
        number=start,
        threshold=chance,
        n=len(calls),
        text=f"{call.name} starts at {num(start)}, guessing costs {num(chance)}, and after {len(calls)} calls it is "
        f"still {num(end)}.",
        remedy="Scale the inputs, and leave the last layer its default initial values (or make them smaller).",
        severity="warning",
        place=call.place,
        step=call.step,
        cause="The net starts very sure of wrong answers; its first steps undo that instead of learning.",
        wrong="nn.init.normal_(head.weight, std=30)",
        right="nn.init.zeros_(head.bias)   # and leave head.weight as nn.Linear made it",
        evidence={"start": start, "end": end, "chance": chance},
    )
