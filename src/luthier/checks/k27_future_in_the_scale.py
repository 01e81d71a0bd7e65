"""The windows of a series were scaled by their mean and spread, those of the future included.

Each input then carries what its target will be: its numbers sum to minus the sum of the target. The score is that of
a net that was told so. When the model is used, the future is not there to scale by.

Evidence: mean and standard deviation of each row of the arrays that `fit` was given. Inputs and targets, put
together, have mean 0 and standard deviation 1 in at least 95 % of at least 64 rows; at most half of the inputs alone
do; exact.

Mend: scale by the past.

    z = (w - w.mean(1, keepdims=True)) / w.std(1, keepdims=True)              # wrong
    past = w[:, :T]
    z = (w - past.mean(1, keepdims=True)) / past.std(1, keepdims=True)        # right

It keeps silent where inputs are scaled by themselves, where the series was scaled as a whole, for targets that are
the inputs (autoencoders), for images and for several series at once.

Source: Kaufman et al. 2012, "Leakage in Data Mining".
"""

from __future__ import annotations

from typing import Any

from luthier.checks import scaling
from luthier.findings import Finding, Unknown

TITLE = scaling.TITLE
TIER = "quick"
CAUSES = ()


def judge(trace: Any) -> list[Finding] | Unknown:
    """Fits that were given arrays, line by line."""
    found: dict[Any, Finding] = {}
    for fit in trace.fits:
        if fit.rows is None or fit.place in found or not scaling.scaled_together(fit.rows.windows):
            continue
        found[fit.place] = scaling.finding("K27", fit.rows.windows, place=fit.place, step=0, keep="keepdims")
    return list(found.values())
