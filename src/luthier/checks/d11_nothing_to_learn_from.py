"""All or nearly all targets of the loss are ignored.

What it detects

Training calls of a loss in which every target equals `ignore_index`, or runs in which less than 2 % of the targets
are left.

Why it hurts

The mean over no target is 0 / 0 = NaN, and after one step all weights are NaN. With hardly any target left, the net
learns from a handful of positions: the answer was cut off, or the mask is turned round.

Evidence

Exact: targets counted in each call.

Mend

    check how the labels are masked; raise the maximal length so that answers are not cut off; skip such batches:
    if (y != -100).any(): loss.backward()

When it keeps silent

A part of the targets is ignored (padding, masked language models at 15 %).

Source

karpathy/nanochat pull request 662; huggingface/trl#6668.
"""

from __future__ import annotations

from luthier.checks.reading import by_line, num
from luthier.checks.wording import percent, plural
from luthier.findings import Finding, Unknown
from luthier.watching.calls import LossCall
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "D11", "nothing to learn from", "quick", ()
MIN_CALLS, MIN_SHARE = 10, 0.02


def judge(trace: Trace) -> list[Finding] | Unknown:
    """Training calls with ignored targets, line by line."""
    found = []
    counted = (c for c in trace.losses if c.trained_by and c.num_targets and not c.raised)
    for _, calls in by_line(counted):
        empty = [c for c in calls if c.num_ignored == c.num_targets]
        left = 1 - sum(c.num_ignored for c in calls) / sum(c.num_targets for c in calls)
        if empty:
            found.append(_finding(calls, empty, left))
        elif len(calls) >= MIN_CALLS and left < MIN_SHARE:
            found.append(_finding(calls, [], left))
    return found


def _finding(calls: list[LossCall], empty: list[LossCall], left: float) -> Finding:
    first = empty[0] if empty else calls[0]
    if empty:
        effect = "its mean is 0 / 0 = NaN" if first.reduction == "mean" else "it has no gradient"
        text = (
            f"all {plural(first.num_targets, 'target')} of {first.name} are ignored "
            f"(ignore_index={first.ignore_index}) in {len(empty)} of {plural(len(calls), 'training call')}: {effect}."
        )
    else:
        text = (
            f"{percent(left)} of the targets of {first.name} are left after ignore_index={first.ignore_index} in "
            f"{plural(len(calls), 'training call')}."
        )
    return Finding(
        code=CODE,
        title=TITLE,
        number=0.0 if empty else left,
        threshold=MIN_SHARE,
        n=len(calls),
        text=text,
        remedy="Check how the labels are masked and whether answers are cut off; leave batches without a target out.",
        severity="error" if empty else "warning",
        certain=True,
        place=first.place,
        step=first.step,
        cause="The net learns from nothing, or the loss becomes NaN and spoils all weights.",
        wrong="loss = F.cross_entropy(logits, labels)   # all labels are -100",
        right="if (labels != -100).any():\n    loss = F.cross_entropy(logits, labels)",
        evidence={"num_empty": len(empty), "left": num(left)},
    )
