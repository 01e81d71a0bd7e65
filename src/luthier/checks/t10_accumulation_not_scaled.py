"""Losses are accumulated over several batches and not divided by their number.

What it detects

Each step follows k backward passes of one line, over batches of one loader, each of a mean loss that was not divided;
and the optimizer heeds the size of the gradient (SGD and its kin, or clipping by norm).

Why it hurts

The gradient is k times as large as that of one batch of the same rows: the learning rate is k times what it says,
and clipping bites k times sooner.

Evidence

The number of backward passes before each step (the same k in at least 80 % of the steps), and the loss given to
`backward` compared with what the loss function returned.

Mend

Wrong:

    loss = loss_fn(model(x), y)
    loss.backward()

Right:

    loss = loss_fn(model(x), y) / k
    loss.backward()

When it keeps silent

Optimizers that divide by the gradient's size, without clipping; sums; several losses on several lines; batches of
several loaders (tasks).

Source

Hugging Face's mend of gradient accumulation, 2024.
"""

from __future__ import annotations

import math
from collections import Counter

from luthier.checks.reading import num
from luthier.checks.stepping import COUPLED_TO_SCALE, taken
from luthier.checks.wording import code
from luthier.findings import Finding, Unknown
from luthier.watching.steps import Backward, Step
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "T10", "accumulated losses are not divided", "quick", ("T01", "T02")
MIN_STEPS = 3
SAME_SHARE = 0.8
EQUAL = 1e-5


def judge(trace: Trace) -> list[Finding] | Unknown:
    """One finding an optimizer."""
    found = []
    for number, optimizer in trace.optimizers.items():
        steps = taken(trace, number)
        clipped = any(c.num_fresh and c.norm > c.max_norm for c in trace.clips)
        if len(steps) < MIN_STEPS or not (optimizer.name in COUPLED_TO_SCALE or clipped):
            continue
        k, often = Counter(s.num_backwards for s in steps).most_common(1)[0]
        if k < 2 or often < SAME_SHARE * len(steps) or any(s.num_closures for s in steps):
            continue
        passes = [b for b in trace.backwards if number in b.optimizers and not b.raised]
        if passes and _is_one_undivided_loss(trace, passes):
            found.append(_finding(steps, passes, k))
    return found


def _is_one_undivided_loss(trace: Trace, passes: list[Backward]) -> bool:
    if len({(b.place.file, b.place.line) if b.place else None for b in passes}) != 1:
        return False
    calls = {c.number: c for c in trace.losses}
    forwards = {f.number: f for f in trace.forwards}
    loaders = set()
    compared = 0
    for b in passes:
        if len(b.losses) != 1 or not b.forwards:
            return False
        call = calls.get(b.losses[0])
        loaders |= {_line_of(trace, forwards[n].loader) for n in b.forwards if n in forwards}
        if call is None or not math.isfinite(call.result) or not math.isfinite(b.loss):
            continue
        if call.reduction != "mean" or abs(call.result - b.loss) > EQUAL * abs(call.result):
            return False
        compared += 1
    return compared >= MIN_STEPS and len(loaders) == 1 and None not in loaders


def _line_of(trace: Trace, loader: int | None) -> tuple[str, int] | None:
    """The line that makes a loader: one that is made anew for each epoch is the same one."""
    place = trace.loaders[loader].place if loader in trace.loaders else None
    return (place.file, place.line) if place else None


def _finding(steps: list[Step], passes: list[Backward], k: int) -> Finding:
    return Finding(
        code=CODE,
        title=TITLE,
        number=float(k),
        threshold=1.0,
        n=len(steps),
        text=f"Each step adds the gradients of {k} backward passes of a mean loss (first: {num(passes[0].loss)}, not "
        f"divided by {k}): the gradient is {k} times that of one batch of the same rows.",
        remedy=f"Divide the loss by {k} before backward().",
        severity="warning",
        certain=False,
        place=passes[0].place,
        others=tuple(s.place for s in steps[:1] if s.place),
        step=passes[0].step,
        cause="backward() adds up: k mean losses make a gradient k times as large, and so does the update.",
        wrong=code("loss = loss_fn(model(x), y)\nloss.backward()"),
        right=code(f"loss = loss_fn(model(x), y) / {k}\nloss.backward()"),
    )
