"""Training ends while the loss is still falling fast, after very few steps.

Evidence, two signals: the whole `fit` is fewer than 100 steps, and the loss of the last epoch is at least 5 % below
that of the epoch before.

Mend: more epochs, with EarlyStopping on a validation part to end them.
"""

from __future__ import annotations

from typing import Any

from luthier.findings import Finding, Unknown
from luthier.watching.fits import Fit

TITLE = "stopped while the loss was falling"
TIER = "quick"
CAUSES = ("K01", "K02", "K07", "K08", "K09", "K15")
FEW = 100
FALLING = 0.05


def judge(trace: Any) -> list[Finding] | Unknown:
    """The only fit of a program, where it ran to its end."""
    return [finding for fit in trace.fits if len(trace.fits) == 1 and (finding := _judge(fit)) is not None]


def _judge(fit: Fit) -> Finding | None:
    curve = [log["loss"] for log in fit.logs if "loss" in log]
    if not fit.ended or len(curve) < 2 or fit.num_steps >= FEW or len(curve) < fit.epochs:
        return None
    fall = 1 - curve[-1] / curve[-2] if curve[-2] > 0 else 0.0
    if not fall > FALLING:
        return None
    return Finding(
        code="K20",
        title=TITLE,
        number=fall,
        threshold=FALLING,
        n=fit.num_steps,
        text=f"fit ended after {fit.num_steps} steps, and in its last epoch the loss still fell by {fall:.0%} (from "
        f"{curve[-2]:.4g} to {curve[-1]:.4g}).",
        remedy="Train for more epochs, with EarlyStopping on a validation part",
        severity="info",
        place=fit.place,
        cause="A model that is still improving has not been trained to its end.",
        wrong=f"model.fit(x, y, epochs={fit.epochs})",
        right="model.fit(x, y, epochs=200, validation_split=0.2,\n"
        "          callbacks=[keras.callbacks.EarlyStopping(patience=10, restore_best_weights=True)])",
        evidence={"steps": fit.num_steps, "epochs": fit.epochs},
    )
