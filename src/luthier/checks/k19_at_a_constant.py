"""After many steps the loss is still what a constant prediction reaches.

The best answer without looking at the input has a known loss: the variance of the target for squared error, the
entropy of the class frequencies for cross entropy. A model that stays there has learned nothing from its inputs.

Evidence: the training loss of the last epoch, after at least 200 steps and 2 epochs, is not more than 3 % better
than that number, and has not fallen by 1 % in the second half of the epochs. The learning rate, and how far the
weights have moved, tell too high from too low.

Mend: fit one batch alone first. If that fails, look at the loss, the output and the learning rate; if it works, look
at the data and the pairing of inputs and targets.
"""

from __future__ import annotations

import math
from typing import Any

from luthier.checks import fitting
from luthier.findings import Finding, Unknown
from luthier.watching.fits import Fit

TITLE = "no better than a constant prediction"
TIER = "quick"
CAUSES = ("K01", "K02", "K03", "K04", "K05", "K06", "K07", "K08", "K09", "K10", "K11", "K13", "K15", "K17", "K18")
MIN_STEPS = 200
MARGIN = 0.03
FALLING = 0.01
STILL = 0.02


def judge(trace: Any) -> list[Finding] | Unknown:
    """Fits of at least 200 steps and two epochs."""
    return [finding for fit in trace.fits if (finding := _judge(fit)) is not None]


def _judge(fit: Fit) -> Finding | None:
    curve = [log["loss"] for log in fit.logs if "loss" in log]
    if len(fit.losses) != 1 or fit.num_steps < MIN_STEPS or len(curve) < 2:
        return None
    constant = fitting.constant_loss(fit, fit.losses[0])
    reached, middle = curve[-1], curve[len(curve) // 2 - 1]
    if not math.isfinite(constant) or constant <= 0 or not reached >= (1 - MARGIN) * constant:
        return None
    if reached < (1 - FALLING) * middle:
        return None
    moved = sorted(w.moved / w.norm for w in fit.weights if w.norm > 0 and len(w.shape) > 1 and w.moved >= 0)
    step = moved[len(moved) // 2] if moved else math.nan
    low = step < STILL
    return Finding(
        code="K19",
        title=TITLE,
        number=reached / constant,
        threshold=1 - MARGIN,
        n=fit.num_steps,
        text=f"after {fit.num_steps} steps the training loss is {reached:.4g}, where the best constant prediction "
        f"has {constant:.4g}; the kernels have moved by {step:.2g} of their size.",
        remedy="Raise the learning rate tenfold"
        if low
        else "Fit one batch alone first, and divide the learning rate by 10",
        severity="warning",
        place=fit.place,
        cause="The model has learned how often each answer occurs, and nothing from its inputs.",
        evidence={"loss": reached, "constant_loss": constant, "moved": step, "learning_rate": fit.learning_rate},
    )
