"""The program trains for a few steps only, and the loss was still falling when it ended.

What it detects

A program that ended by itself after fewer than 100 steps of its only optimizer, while the loss was still falling and
had come down by less than half.

Why it hurts

What is reported is a model in the midst of its training.

Evidence

The number of steps; the mean loss of the last third lies more than two standard errors, and more than a twentieth,
below that of the middle third.

Mend

Wrong:

    for epoch in range(2):

Right:

    for epoch in range(50):

When it keeps silent

Several optimizers (stages, adversaries); loaded weights, which need little; programs that were stopped or crashed;
losses that may be negative. It is a hint only: a demonstration may be meant to be short.

Source

Deep Learning Tuning Playbook (how long to train).
"""

from __future__ import annotations

import math
from statistics import fmean, stdev

from luthier.checks.reading import course, num
from luthier.checks.wording import code, plural
from luthier.findings import Finding, Unknown
from luthier.watching.trace import Trace

CODE, TITLE, TIER = "T09", "too few steps", "quick"
CAUSES = ("D26", "D04", "L06", "L07", "M03", "N01", "O02", "O03", "O04", "O07", "O10", "T01", "T02", "T05", "T10")
MIN_VALUES, MAX_STEPS = 15, 100
LEFT = 0.5
"""Of the first loss: below that a good part of the way was gone."""


def judge(trace: Trace) -> list[Finding] | Unknown:
    """One hint a program."""
    if trace.stopped or trace.crash or len(trace.optimizers) != 1 or not 0 < trace.num_steps < MAX_STEPS:
        return []
    if any(p.loaded for p in trace.parameters.values()) or any(s.num_closures for s in trace.steps):
        return []
    values = course(trace)
    third = len(values) // 3
    if len(values) < MIN_VALUES:
        return Unknown(code=CODE, title=TITLE, reason="few losses were read", needs=f"{MIN_VALUES} backward passes")
    first, middle, last = values[:third], values[third:-third], values[-third:]
    error = math.sqrt(stdev(middle) ** 2 / len(middle) + stdev(last) ** 2 / third)
    fall = fmean(middle) - fmean(last)
    if min(values) < 0 or fall <= max(2 * error, 0.05 * fmean(middle)) or fmean(last) <= LEFT * fmean(first):
        return []
    optimizer = next(iter(trace.optimizers.values()))
    step = next((s.place for s in trace.steps if s.place), None)
    return [
        Finding(
            code=CODE,
            title=TITLE,
            number=float(trace.num_steps),
            threshold=float(MAX_STEPS),
            n=len(values),
            text=f"The program ended after {plural(trace.num_steps, 'step')} while the loss was still falling "
            f"({num(fmean(first))}, {num(fmean(middle))}, {num(fmean(last))} in its three thirds).",
            remedy="Train until the loss on held-out rows no longer falls.",
            severity="info",
            certain=False,
            place=step or optimizer.place,
            cause="A model in the midst of its training says little of what it could become.",
            wrong=code("for epoch in range(2):\n    train_one_epoch()"),
            right=code("for epoch in range(50):\n    train_one_epoch()"),
        )
    ]
