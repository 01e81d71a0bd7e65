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

from luthier.checks import scaling
from luthier.checks.reading import by_line
from luthier.findings import Finding, Unknown
from luthier.watching.trace import Trace
from luthier.watching.values import Windows

CODE, TITLE, TIER, CAUSES = "D31", scaling.TITLE, "quick", ()


def judge(trace: Trace) -> list[Finding] | Unknown:
    """Looked-at training calls, line by line."""
    found = []
    for _, calls in by_line(c for c in trace.losses if c.trained_by and c.sampled and not c.raised):
        windows = sum((c.windows for c in calls), Windows())
        if scaling.scaled_together(windows):
            found.append(scaling.finding(CODE, windows, place=calls[0].place, step=calls[0].step, keep="keepdim"))
    return found
