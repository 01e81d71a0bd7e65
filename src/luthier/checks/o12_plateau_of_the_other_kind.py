"""ReduceLROnPlateau watches for the wrong direction.

What it detects

mode="max" where what is handed to `step` is called a loss or an error, or mode="min" where it is called an accuracy,
score, F1 or AUC, and the number goes the way that it should go for its name, while the rate is cut for it.

Why it hurts

Each improvement counts as none. The rate is cut every few epochs while the net learns well, until it is too small to
learn anything.

Evidence

Exact for the mode; the numbers handed over, and the cuts. The name is the person's.

Mend

Wrong:

    scheduler = ReduceLROnPlateau(optimizer, mode="max");  scheduler.step(val_loss)

Right:

    scheduler = ReduceLROnPlateau(optimizer, mode="min");  scheduler.step(val_loss)

When it keeps silent

Names that say nothing; numbers with a sign put before them; a rate that was never cut; numbers that get worse.

Source

PyTorch documentation of ReduceLROnPlateau.
"""

from __future__ import annotations

import ast
import math
import re

from luthier.checks.patches import only_call
from luthier.checks.reading import NAMED_LOSS, NAMED_SCORE, num
from luthier.checks.wording import plural
from luthier.findings import Finding, Unknown
from luthier.watching.facts import Scheduler
from luthier.watching.steps import SchedulerStep
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "O12", "the plateau is watched for in the wrong direction", "quick", ()
MIN_STEPS = 4


def judge(trace: Trace) -> list[Finding] | Unknown:
    """Schedulers that wait for a plateau."""
    found = []
    for scheduler in trace.schedulers.values():
        if scheduler.name != "ReduceLROnPlateau":
            continue
        steps = [s for s in trace.scheduler_steps if s.scheduler == scheduler.number and math.isfinite(s.metric)]
        cuts = sum(min(s.lr_after, default=0.0) < min(s.lr_before, default=0.0) for s in steps)
        name = _handed_over(trace, steps[0]) if len(steps) >= MIN_STEPS else ""
        mode = str(scheduler.horizon.get("mode", ""))
        wrong = (mode == "max" and _is(NAMED_LOSS, NAMED_SCORE, name)) or (
            mode == "min" and _is(NAMED_SCORE, NAMED_LOSS, name)
        )
        third = max(1, len(steps) // 3)
        gain = sum(s.metric for s in steps[-third:]) - sum(s.metric for s in steps[:third]) if steps else 0.0
        if wrong and cuts and (gain < 0 if mode == "max" else gain > 0):
            found.append(_finding(scheduler, steps, name, mode, cuts))
    return found


def _is(kind: re.Pattern[str], other: re.Pattern[str], name: str) -> bool:
    return bool(kind.search(name)) and not other.search(name)


def _handed_over(trace: Trace, step: SchedulerStep) -> str:
    """What stands in the brackets of `scheduler.step(...)`; empty where it is more than names."""
    call = only_call(trace.sources, step.place, ("step",))
    if call is None or not (call.args or call.keywords):
        return ""
    given = call.args[0] if call.args else call.keywords[0].value
    if any(isinstance(n, ast.UnaryOp | ast.BinOp) for n in ast.walk(given)):
        return ""
    return ast.unparse(given)


def _finding(scheduler: Scheduler, steps: list[SchedulerStep], name: str, mode: str, cuts: int) -> Finding:
    right = "min" if mode == "max" else "max"
    return Finding(
        code=CODE,
        title=TITLE,
        number=float(cuts),
        threshold=0.0,
        n=len(steps),
        text=f'ReduceLROnPlateau with mode="{mode}" is given `{name}`, which went from {num(steps[0].metric)} to '
        f"{num(steps[-1].metric)} in {plural(len(steps), 'call')}: the rate was cut {plural(cuts, 'time')} while it "
        "got better.",
        remedy=f'Say mode="{right}".',
        severity="error",
        certain=False,
        place=scheduler.place,
        others=(steps[0].place,) if steps[0].place else (),
        step=scheduler.step,
        cause="Every improvement counts as none; the rate shrinks until nothing is learnt.",
        wrong=f'scheduler = ReduceLROnPlateau(optimizer, mode="{mode}")',
        right=f'scheduler = ReduceLROnPlateau(optimizer, mode="{right}")',
        evidence={"cuts": cuts, "mode": mode},
    )
