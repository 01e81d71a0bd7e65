"""The training loss became NaN or infinite, or ran away.

From the first NaN loss on every weight is NaN after the next step. The usual reasons are a learning rate that is too
high, a logarithm of zero, or data with NaN.

Evidence: the loss that Keras reports after each of the first 20 steps and every 25th later; the step at which it was
first not a number. It has run away where it is a hundred times its first value, and still so at the end.

Mend: a learning rate a tenth as high, or `clipnorm=1.0` in the optimizer; for a logarithm see the other findings.
"""

from __future__ import annotations

import math
from typing import Any

from luthier.checks import fitting
from luthier.findings import Finding, Unknown
from luthier.watching.fits import Fit

TITLE = "loss is NaN or runs away"
TIER = "quick"
CAUSES = ("K01", "K04", "K08", "K09", "K10")
AWAY = 100.0
MIN_STEPS = 3


def judge(trace: Any) -> list[Finding] | Unknown:
    """The loss curve of each fit."""
    return [finding for fit in trace.fits if (finding := _judge(fit)) is not None]


def _judge(fit: Fit) -> Finding | None:
    curve = [*fit.batch_losses]
    if fit.logs and "loss" in fit.logs[-1]:
        curve.append((fit.num_steps, fit.logs[-1]["loss"]))
    if len(curve) < MIN_STEPS:
        return None
    bad = next(((step, value) for step, value in curve if not math.isfinite(value)), None)
    first, last = abs(curve[0][1]), abs(curve[-1][1])
    if bad is not None:
        text = f"the training loss is {bad[1]} from step {bad[0]} on (at the first step it was {curve[0][1]:.4g})."
        step, number = bad[0], bad[1]
    elif first > 0 and last > AWAY * first:
        text = f"the training loss went from {curve[0][1]:.4g} to {curve[-1][1]:.4g} in {fit.num_steps} steps."
        step, number = curve[-1][0], last / first
    else:
        return None
    return Finding(
        code="K15",
        title=TITLE,
        number=number,
        threshold=AWAY,
        n=len(curve),
        text=text + f" The optimizer is {fit.optimizer} with a learning rate of {fit.learning_rate:.3g}.",
        remedy="Divide the learning rate by 10, or set clipnorm=1.0 in the optimizer",
        severity="error",
        certain=bad is not None,
        place=fitting.where(fit),
        others=fitting.beside(fit),
        step=step,
        cause="Once the loss is not a number, neither are the weights.",
        wrong=f"keras.optimizers.{fit.optimizer or 'Adam'}(learning_rate={fit.learning_rate:.3g})",
        right=f"keras.optimizers.{fit.optimizer or 'Adam'}(learning_rate={fit.learning_rate / 10:.3g})",
        evidence={"learning_rate": fit.learning_rate},
    )
