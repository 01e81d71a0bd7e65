"""LambdaLR is given a learning rate where it wants a factor.

What it detects

A LambdaLR whose factors never rose above 0.05, with the highest of them behind it, so that no warm-up is going on.

Why it hurts

LambdaLR multiplies the optimizer's rate by what the function returns. A function that returns the rate itself gives
its square: 0.001 becomes 0.000001, and nothing is learnt.

Evidence

Exact: the rates before and after each step of the scheduler.

Mend

Wrong:

    LambdaLR(optimizer, lambda step: 1e-3 * (1 - step / total))

Right:

    LambdaLR(optimizer, lambda step: 1 - step / total)

When it keeps silent

Warm-ups that still rise; factors that were larger once; rates that were set by hand.

Source

PyTorch documentation of LambdaLR.
"""

from __future__ import annotations

from luthier.checks.reading import num
from luthier.checks.wording import plural
from luthier.findings import Finding, Unknown
from luthier.watching.facts import Scheduler
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "O13", "a rate where a factor is wanted", "quick", ()
MAX_FACTOR = 0.05
MIN_STEPS = 20


def judge(trace: Trace) -> list[Finding] | Unknown:
    """Schedulers that multiply by what a function returns."""
    found = []
    for scheduler in trace.schedulers.values():
        optimizer = trace.optimizers.get(scheduler.optimizer or 0)
        base = _base(scheduler, optimizer.groups[0].lr if optimizer and optimizer.groups else 0.0)
        steps = [s for s in trace.scheduler_steps if s.scheduler == scheduler.number and s.lr_after]
        if scheduler.name != "LambdaLR" or len(steps) < MIN_STEPS or not base > 0:
            continue
        factors = [max(s.lr_before[0], s.lr_after[0]) / base for s in steps if s.lr_before]
        peak = max(factors, default=1.0)
        if 0 < peak < MAX_FACTOR and factors.index(peak) < 0.9 * len(factors) and factors[-1] < peak:
            found.append(_finding(scheduler, base, peak, len(steps)))
    return found


def _base(scheduler: Scheduler, lr: float) -> float:
    """The rate that is multiplied: the optimizer was given it when it was made."""
    return lr if not scheduler.is_child else 0.0


def _finding(scheduler: Scheduler, base: float, peak: float, n: int) -> Finding:
    return Finding(
        code=CODE,
        title=TITLE,
        number=peak,
        threshold=MAX_FACTOR,
        n=n,
        text=f"the function of LambdaLR returned at most {num(peak)} in {plural(n, 'step')}: the rate never rose "
        f"above {num(base * peak)}, though the optimizer was made with {num(base)}.",
        remedy="Return a factor of the optimizer's rate: 1 where the whole rate is meant.",
        severity="error",
        certain=False,
        place=scheduler.place,
        step=scheduler.step,
        cause="LambdaLR multiplies the rate by what the function returns; a rate times a rate is next to nothing.",
        wrong="LambdaLR(optimizer, lambda step: 1e-3 * (1 - step / total))",
        right="LambdaLR(optimizer, lambda step: 1 - step / total)",
        evidence={"base": base, "peak": peak},
    )
