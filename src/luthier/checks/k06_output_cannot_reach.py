"""The last activation cannot produce the targets.

A `relu` gives no negative number, a `sigmoid` and a `softmax` nothing outside 0..1, a `tanh` nothing outside -1..1.
With a regression loss and targets beyond that, the loss stays high, and a `relu` output that has gone to zero gets no
gradient back.

Evidence: the activation of the output and the lowest and highest target; it must lie beyond the bound by more than a
tenth of the targets' standard deviation, so that noise at the edge is not reported.

Mend: leave the last layer linear, or bring the targets into the range and undo that for reports.

    keras.layers.Dense(1, activation="relu")   # wrong for targets from -3 to 3
    keras.layers.Dense(1)                      # right
"""

from __future__ import annotations

import math
from typing import Any

from luthier.checks import fitting
from luthier.findings import Finding, Unknown
from luthier.watching.fits import Loss
from luthier.watching.values import Values

TITLE = "last activation cannot reach the targets"
TIER = "quick"
CAUSES = ("K03",)
MARGIN = 0.1
_BOUNDS = {
    "relu": (0.0, math.inf),
    "softplus": (0.0, math.inf),
    "exponential": (0.0, math.inf),
    "relu6": (0.0, 6.0),
    "sigmoid": (0.0, 1.0),
    "hard_sigmoid": (0.0, 1.0),
    "softmax": (0.0, 1.0),
    "tanh": (-1.0, 1.0),
    "softsign": (-1.0, 1.0),
}


def judge(trace: Any) -> list[Finding] | Unknown:
    """Regression losses and own ones whose output ends with a bounded activation."""
    found = []
    for fit, loss, _, target in fitting.losses(trace):
        bounds = _BOUNDS.get(loss.activation)
        if bounds is None or not _compares(loss, target) or target.std == 0:
            continue
        low, high = bounds
        beyond = max(low - target.low, target.high - high) / target.std
        if not beyond > MARGIN:
            continue
        found.append(
            Finding(
                code="K06",
                title=TITLE,
                number=beyond,
                threshold=MARGIN,
                n=target.n,
                text=f"{fitting.output_of(loss)} ends with {loss.activation}, which gives numbers from "
                f"{fitting.plain(low)} to {fitting.plain(high)}, but the targets go from "
                f"{fitting.plain(target.low)} to {fitting.plain(target.high)}.",
                remedy="Leave the last layer linear, or scale the targets into the range",
                severity="error",
                certain=not loss.own,
                place=fitting.where(fit),
                others=fitting.beside(fit),
                step=0,
                cause="Targets beyond the bound can never be met; a unit stuck at the bound gets no gradient.",
                wrong=f'keras.layers.Dense(..., activation="{loss.activation}")',
                right="keras.layers.Dense(...)",
                evidence={"low": target.low, "high": target.high, "activation": loss.activation},
            )
        )
    return found or fitting.unseen(trace, "K06", TITLE) or []


def _compares(loss: Loss, target: Values) -> bool:
    """Is the output compared with the target? An own loss may take numbers of classes, which it is not."""
    classes = target.whole and (loss.gives_to != "" or loss.activation == "softmax")
    return loss.name in fitting.REGRESSIONS or (loss.own and not classes)
