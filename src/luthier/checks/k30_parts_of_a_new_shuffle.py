"""Training and validation are parts of a pipeline that is shuffled anew in each epoch.

`shuffle` gives another order each time the pipeline is read, so `take(n)` and `skip(n)` behind it part the rows anew:
what is validated in one epoch was trained on in the ones before. The validation score is far too good.

Evidence: the chain of both pipelines: the same shuffling stage, with `reshuffle_each_iteration`, above `take` or
`skip`; exact.

Mend: part first, or keep the order.

    data = data.shuffle(n); train, val = data.skip(k), data.take(k)                                   # wrong
    data = data.shuffle(n, reshuffle_each_iteration=False); train, val = data.skip(k), data.take(k)   # right

It keeps silent where the order is kept, and where the parts are shuffled after they were parted.
"""

from __future__ import annotations

from typing import Any

from luthier.findings import Finding, Unknown
from luthier.watching.fits import Fit

TITLE = "the split is drawn anew in each epoch"
TIER = "quick"
CAUSES = ()


def judge(trace: Any) -> list[Finding] | Unknown:
    """Fits whose validation is a part of the same shuffled pipeline."""
    return [_finding(fit) for fit in trace.fits if fit.reshuffled]


def _finding(fit: Fit) -> Finding:
    return Finding(
        code="K30",
        title=TITLE,
        number=float(fit.epochs),
        threshold=1.0,
        n=fit.epochs,
        text="the training and the validation pipeline are `take` and `skip` of one that is shuffled anew in each "
        "epoch: the rows that are validated were trained on before.",
        remedy="Give shuffle reshuffle_each_iteration=False, or take and skip before it",
        severity="error",
        certain=True,
        place=fit.place,
        cause="Each pass over the pipeline parts the rows in another way.",
        wrong="data = data.shuffle(n)\ntrain, val = data.skip(k), data.take(k)",
        right="data = data.shuffle(n, reshuffle_each_iteration=False)\ntrain, val = data.skip(k), data.take(k)",
    )
