"""The learning rate is too high.

What it detects

A run whose steps change the weights by a tenth of their own size or more, whose loss shoots up from its first value,
and which is no better at its end than it was at its beginning, or no longer finite.

Why it hurts

Steps of that size jump over every minimum: the loss explodes, units die, and what is learnt after that starts from
weights that are worse than random ones.

Evidence

Statistics, three signals together: the median over the weight matrices of update by weight in the steps that were
looked at; the highest loss by the first; the mean of the last third of the losses by the first loss.

Mend

Wrong:

    optimizer = torch.optim.Adam(model.parameters(), lr=1.0)

Right:

    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

Divide the rate by 3 to 10 until the loss falls from the first steps on; warm up over some hundred steps.

When it keeps silent

A high rate that learns; losses that may be negative (policy gradients, likelihoods); closures of LBFGS.

Source

Deep Learning Tuning Playbook (instability); CS231n (an update of a thousandth of the weight is usual).
"""

from __future__ import annotations

import math
from statistics import fmean, median

from luthier.checks.reading import num
from luthier.checks.stepping import taken
from luthier.checks.wording import code, percent, plural
from luthier.findings import Finding, Unknown
from luthier.watching.facts import Optimizer
from luthier.watching.steps import Backward
from luthier.watching.trace import Trace

CODE, TITLE, TIER = "O02", "the learning rate is too high", "quick"
CAUSES = ("D01", "D02", "D03", "D04", "L04", "L09", "O06", "O09", "T01", "T10")
MIN_VALUES = 15
RATIO = 0.1
"""Update by weight; a usual one is 0.001 to 0.05."""
EXPLODED = 3.0
DIVERGED = 100.0


def judge(trace: Trace) -> list[Finding] | Unknown:
    """One finding an optimizer."""
    found, short = [], False
    for number, optimizer in trace.optimizers.items():
        passes = [b for b in trace.backwards if number in b.optimizers and not b.in_step and not b.raised]
        ratios = [s.update_ratio for s in taken(trace, number) if math.isfinite(s.update_ratio)]
        short |= bool(passes) and (len(passes) < MIN_VALUES or not ratios)
        finding = _judge(optimizer, passes, ratios)
        if finding is not None:
            found.append(finding)
    if not found and short:
        return Unknown(code=CODE, title=TITLE, reason="few steps were looked at", needs=f"{MIN_VALUES} steps")
    return found


def _judge(optimizer: Optimizer, passes: list[Backward], ratios: list[float]) -> Finding | None:
    values = [b.loss for b in passes if math.isfinite(b.loss)]
    broken = any(b.loss_is_nonfinite for b in passes)
    if not values or min(values) < 0 or values[0] <= 0 or not ratios:
        return None
    first, highest = values[0], max(values)
    if broken:
        outcome = f"the loss grew from {num(first)} to {num(highest)} and is then no longer finite"
        ran_away = highest >= DIVERGED * first and max(ratios[:10]) >= RATIO
        return _finding(optimizer, ratios, outcome, first, highest) if ran_away else None
    end = fmean(values[-max(len(values) // 3, 1) :])
    thrown = max(ratios[:10]) > 1 and end > DIVERGED * first  # one step, and what comes after it stands still
    large = max(median(ratios[:10]), median(ratios)) >= RATIO or thrown
    if len(values) < MIN_VALUES or not large or highest < EXPLODED * first or end < first:
        return None
    outcome = f"the loss went from {num(first)} up to {num(highest)} and was {num(end)} in the last third"
    return _finding(optimizer, ratios, outcome, first, end)


def _finding(optimizer: Optimizer, ratios: list[float], outcome: str, first: float, end: float) -> Finding:
    rate = optimizer.groups[0].lr if optimizer.groups else math.nan
    ratio = max(median(ratios[:10]), median(ratios))
    ratio = ratio if ratio >= RATIO else max(ratios)
    name = optimizer.variable or "optimizer"
    return Finding(
        code=CODE,
        title=TITLE,
        number=ratio,
        threshold=RATIO,
        n=len(ratios),
        text=f"Steps of {optimizer.name} at the learning rate {num(rate)} changed the weights by "
        f"{percent(min(ratio, 1e4))} of their size (median over the matrices, {plural(len(ratios), 'step')}); "
        f"{outcome}.",
        remedy=f"Divide the learning rate by 10 ({num(rate / 10)}) and again until the loss falls from the first "
        "steps on.",
        severity="error",
        certain=False,
        place=optimizer.place,
        step=0,
        cause="Steps of the size of the weights jump over every minimum.",
        wrong=code(f"{name} = torch.optim.{optimizer.name}(model.parameters(), lr={num(rate)})"),
        right=code(f"{name} = torch.optim.{optimizer.name}(model.parameters(), lr={num(rate / 100)})"),
        evidence={"optimizer": optimizer.name, "lr": rate, "first_loss": first, "last_loss": end},
    )
