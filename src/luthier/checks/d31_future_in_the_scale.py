"""The windows of a series were scaled by their mean and spread, those of the future included.

What it detects

Inputs (B, T) or (B, T, 1) and targets (B,), (B, H) or (B, H, 1) that, put together, have mean 0 and standard
deviation 1 in at least 95 % of at least 64 rows, while at most half of the inputs alone do.

Why it hurts

Each input then carries what its target will be: its numbers sum to minus the sum of the target. The score is that of
a net that was told so. When the model is used, the future is not there to scale by.

Evidence

Exact: mean and standard deviation of each row of the model's inputs and of the target of its loss, in the training
calls that were looked at.

Mend

Wrong:

    z = (w - w.mean(1, keepdim=True)) / w.std(1, keepdim=True)
    x, y = z[:, :T], z[:, T:]

Right:

    past = w[:, :T]
    z = (w - past.mean(1, keepdim=True)) / past.std(1, keepdim=True)
    x, y = z[:, :T], z[:, T:]

When it keeps silent

Inputs that are scaled by themselves; a series that was scaled as a whole; targets that are the inputs (autoencoders);
images and several series at once.

Source

Kaufman et al. 2012, "Leakage in Data Mining".
"""

from __future__ import annotations

from luthier.checks.reading import by_line
from luthier.checks.scaling import CAUSE, MIN_SHARE, REMEDY, scaled_together, told
from luthier.findings import Finding, Unknown
from luthier.watching.calls import LossCall
from luthier.watching.trace import Trace
from luthier.watching.values import Windows

CODE, TITLE, TIER, CAUSES = "D31", "past and future scaled together", "quick", ()


def judge(trace: Trace) -> list[Finding] | Unknown:
    """Looked-at training calls, line by line."""
    found = []
    for _, calls in by_line(c for c in trace.losses if c.trained_by and c.sampled and not c.raised):
        windows = sum((c.windows for c in calls), Windows())
        if scaled_together(windows):
            found.append(_finding(calls[0], windows))
    return found


def _finding(call: LossCall, windows: Windows) -> Finding:
    return Finding(
        code=CODE,
        title=TITLE,
        number=windows.together / windows.n,
        threshold=MIN_SHARE,
        n=windows.n,
        text=told(windows),
        remedy=REMEDY,
        severity="error",
        certain=True,
        place=call.place,
        step=call.step,
        cause=CAUSE,
        wrong="z = (w - w.mean(1, keepdim=True)) / w.std(1, keepdim=True)",
        right="past = w[:, :T]\nz = (w - past.mean(1, keepdim=True)) / past.std(1, keepdim=True)",
        evidence={"windows": windows.n, "alone": windows.alone},
    )
