"""The held-out loss rises while the training loss falls, and no earlier weights were kept.

What it detects

At least five evaluations of a loss at one line; the last three all lie above 1.5 times the lowest, and the training
loss has fallen below half of that lowest.

Why it hurts

From the lowest point on the net learns its training rows by heart. The weights of the end are worse on new rows than
those of the middle.

Evidence

Mean losses of evaluations (statistics); two signals that agree (held-out loss up, training loss down) and hold for
three evaluations.

Mend

    keep the weights of the best evaluation (copy.deepcopy), stop when it has not improved for some evaluations,
    and try weight decay, dropout, more data or a smaller net

When it keeps silent

Weights are saved or kept during the run; fewer evaluations; a program that was stopped early.

Source

Deep Learning Tuning Playbook, "examining the training curves" (problematic overfitting).
"""

from __future__ import annotations

import math
from statistics import fmean

from luthier.checks.reading import by_line, num, trained
from luthier.checks.wording import plural
from luthier.findings import Finding, Unknown
from luthier.watching.calls import LossCall
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "E10", "overfitting", "quick", ("D07", "D13", "E01")
MIN_EVALUATIONS = 5
RISE, FALL = 1.5, 0.5


def judge(trace: Trace) -> list[Finding] | Unknown:
    """Losses of evaluations, line by line, beside the training loss of the same kind."""
    if trace.states_taken.total or trace.states_used.total:
        return []
    for _, calls in by_line(c for c in trace.losses if c.phase == "evaluation" and math.isfinite(c.result)):
        means = _by_evaluation(calls)
        if len(means) < MIN_EVALUATIONS:
            continue
        best = min(means)
        own = [c.result for c in trained(trace, calls[0].name) if math.isfinite(c.result)][-20:]
        if own and min(means[-3:]) > RISE * best > 0 and fmean(own) < FALL * best:
            return [_finding(calls[-1], means, fmean(own))]
    return []


def _by_evaluation(calls: list[LossCall]) -> list[float]:
    """Mean loss at each number of finished steps."""
    groups: dict[int, list[float]] = {}
    for call in calls:
        groups.setdefault(call.step, []).append(call.result)
    return [fmean(values) for values in groups.values()]


def _finding(call: LossCall, means: list[float], own: float) -> Finding:
    best = min(means)
    return Finding(
        code=CODE,
        title=TITLE,
        number=means[-1],
        threshold=RISE * best,
        n=len(means),
        text=f"the held-out {call.name} was lowest ({num(best)}) at evaluation {means.index(best) + 1} of "
        f"{len(means)} and is {num(means[-1])} at the end, while the training loss is {num(own)}; no earlier weights "
        f"were kept ({plural(len(means), 'evaluation')}).",
        remedy="Keep the weights of the best evaluation and stop there; try weight decay, dropout or more data.",
        severity="info",
        place=call.place,
        step=call.step,
        cause="From the lowest point on the net learns its training rows by heart.",
        evidence={"best": best, "last": means[-1], "train": own},
    )
