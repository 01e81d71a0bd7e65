"""The learning rate is too low.

What it detects

A run from fresh weights in which all steps together move the weights by less than a hundredth of their size, and in
which the loss does not fall.

Why it hurts

The program runs for hours and ends where it began.

Evidence

Statistics, two signals together: the median over the weight matrices of update by weight, in the steps that were
looked at, times the number of steps; and no fall of the loss that stands out from its noise.

Mend

Wrong:

    optimizer = torch.optim.SGD(model.parameters(), lr=1e-6)

Right:

    optimizer = torch.optim.SGD(model.parameters(), lr=1e-2)

When it keeps silent

Weights that were loaded, or trained before by another optimizer; models of installed packages (their weights may be
pretrained); a rate that rises (warm-up); a program that was stopped early, unless even a hundred thousand such steps
would not move the weights.

Source

Deep Learning Tuning Playbook; CS231n (an update of a thousandth of the weight is usual).
"""

from __future__ import annotations

import math
from statistics import fmean, median

from luthier.checks.reading import learning, num
from luthier.checks.stepping import taken
from luthier.checks.wording import code
from luthier.findings import Finding, Unknown
from luthier.watching.facts import Optimizer
from luthier.watching.steps import Step
from luthier.watching.trace import Trace

CODE, TITLE, TIER = "O03", "the learning rate is too low", "quick"
CAUSES = ("O04", "O05", "O07", "O10", "T05", "D23", "M03", "M05", "M08")
MIN_STEPS = 50
MIN_LOOKED = 10
RATIO = 1e-5
"""Update by weight; 0.001 is usual, fine-tuning takes 0.0001."""
RATIO_STOPPED = 1e-6
MOVED = 0.01
"""Of the weights' size, by all steps together if all went the same way."""


def judge(trace: Trace) -> list[Finding] | Unknown:
    """One finding an optimizer."""
    found, short = [], False
    for number, optimizer in trace.optimizers.items():
        if _not_fresh(trace, optimizer):
            continue
        steps = taken(trace, number)
        looked = [s for s in steps if math.isfinite(s.update_ratio)]
        short |= bool(steps) and (optimizer.num_steps < MIN_STEPS or len(looked) < MIN_LOOKED)
        if optimizer.num_steps < MIN_STEPS or len(looked) < MIN_LOOKED or _rises(steps):
            continue
        ratio = median(s.update_ratio for s in looked)
        limit = RATIO_STOPPED if trace.stopped else RATIO
        if not 0 < ratio < limit or ratio * optimizer.num_steps > MOVED:
            continue
        values = [b.loss for b in trace.backwards if number in b.optimizers and math.isfinite(b.loss)]
        if learning(trace, values) is False:
            found.append(_finding(optimizer, looked, ratio, values))
    if not found and short:
        return Unknown(code=CODE, title=TITLE, reason="few steps were looked at", needs=f"{MIN_STEPS} steps")
    return found


def _not_fresh(trace: Trace, optimizer: Optimizer) -> bool:
    """Whether the weights may have come trained."""
    held = {n for g in optimizer.groups for n in g.parameters}
    parameters = [trace.parameters[n] for n in held if n in trace.parameters]
    models = [trace.models[p.model] for p in parameters if p.model in trace.models]
    return (
        any(p.loaded or p.num_steps > optimizer.num_steps for p in parameters)
        or any(x.foreign for m in models for x in m.layers)
        or any(m.loaded for m in models)
    )


def _rises(steps: list[Step]) -> bool:
    rates = [max(s.lr) for s in steps if s.lr]
    return bool(rates) and max(rates) > 1.1 * rates[0]


def _finding(optimizer: Optimizer, looked: list[Step], ratio: float, values: list[float]) -> Finding:
    rate = optimizer.groups[0].lr if optimizer.groups else math.nan
    name = optimizer.variable or "optimizer"
    third = max(len(values) // 3, 1)
    return Finding(
        code=CODE,
        title=TITLE,
        number=ratio,
        threshold=RATIO,
        n=len(looked),
        text=f"A step of {optimizer.name} at the learning rate {num(rate)} changes the weights by {num(ratio)} of "
        f"their size (median over the matrices): {optimizer.num_steps} steps move them by at most "
        f"{num(ratio * optimizer.num_steps)} of it. The loss did not fall ({num(fmean(values[:third]))} in the first "
        f"third, {num(fmean(values[-third:]))} in the last).",
        remedy="Raise the learning rate by orders of magnitude: it gives a usual step at about "
        f"{num(rate * 1e-3 / ratio)}.",
        severity="warning",
        certain=False,
        place=optimizer.place,
        step=0,
        cause="The weights stay practically where they were initialised.",
        wrong=code(f"{name} = torch.optim.{optimizer.name}(model.parameters(), lr={num(rate)})"),
        right=code(f"{name} = torch.optim.{optimizer.name}(model.parameters(), lr=1e-3)"),
        evidence={"optimizer": optimizer.name, "lr": rate, "num_steps": optimizer.num_steps},
    )
