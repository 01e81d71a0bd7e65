"""The training steps change no weight, or no gradient reaches them.

Every weight is compared with its value before the first step: if all are equal after three steps or more, the steps
did nothing. The reasons seen are a learning rate of zero, weights that are all frozen, and a loss whose gradient is
exactly zero or that does not depend on the weights.

Evidence: weights before and after, bit for bit; gradients of one real batch; exact.

Mend: by the reason, which the finding names.
"""

from __future__ import annotations

from typing import Any

from luthier.checks import fitting
from luthier.checks.wording import few, plural
from luthier.findings import Finding, Unknown
from luthier.watching.fits import Fit

TITLE = "training changes no weight"
TIER = "quick"
CAUSES = ("K01", "K03", "K04", "K06", "K10", "K17")
MIN_STEPS = 3


def judge(trace: Any) -> list[Finding] | Unknown:
    """Fits by Keras' own training step, after at least three steps."""
    found = []
    for fit in trace.fits:
        if fit.own_step or fit.num_steps < MIN_STEPS or not fit.losses:
            continue
        said = _frozen(fit) or _unmoved(fit) or _no_gradient(fit)
        if said is None:
            continue
        text, remedy, cause, severe = said
        found.append(
            Finding(
                code="K11",
                title=TITLE,
                number=0.0,
                n=fit.num_steps,
                text=text,
                remedy=remedy,
                severity="error" if severe else "warning",
                certain=True,
                place=fitting.where(fit),
                others=fitting.beside(fit),
                step=0,
                cause=cause,
                evidence={"learning_rate": fit.learning_rate, "weights": len(fit.weights)},
            )
        )
    return found or fitting.unseen(trace, "K11", TITLE) or []


_Said = tuple[str, str, str, bool]


def _frozen(fit: Fit) -> _Said | None:
    if fit.weights or fit.unseen or not any(layer.weights for layer in fit.layers):
        return None
    return (
        f"none of the model's weights is trainable, and {plural(fit.num_steps, 'step')} were taken.",
        "Set trainable = True on the layers that are to learn, then compile",
        "Frozen weights are left out of every step.",
        True,
    )


def _unmoved(fit: Fit) -> _Said | None:
    if not fit.weights or not all(w.moved == 0 for w in fit.weights):
        return None
    zero = [w for w in fit.weights if not w.grad_norm]
    reason = (
        "the learning rate is 0"
        if fit.learning_rate == 0
        else f"the gradient of {len(zero)} of {len(fit.weights)} weights is exactly zero"
        if zero
        else "the steps are smaller than the weights' rounding"
    )
    return (
        f"all {len(fit.weights)} trainable weights are the same, bit for bit, after "
        f"{plural(fit.num_steps, 'step')}: {reason}.",
        "Raise the learning rate" if not zero else "Find what cuts the loss off from the weights",
        "Steps that change nothing teach nothing.",
        True,
    )


def _no_gradient(fit: Fit) -> _Said | None:
    dead = [w.name for w in fit.weights if w.grad_norm is None]
    if not dead:
        return None
    return (
        f"no path leads from the loss to {plural(len(dead), 'trainable weight')} of {len(fit.weights)} "
        f"({few(dead)}).",
        "Use the layer's output in the model's answer, or remove the layer",
        "A weight that the loss does not depend on is never trained.",
        len(dead) == len(fit.weights),
    )
