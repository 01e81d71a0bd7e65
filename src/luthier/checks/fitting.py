"""What the checks of `fit` share: which fits were looked into, what their losses expect, what a constant reaches."""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator
from typing import Any

from luthier.checks.patches import calls_in, last_name
from luthier.checks.wording import Sources, line_at
from luthier.findings import Place, Unknown
from luthier.watching.fits import Fit, Layer, Loss
from luthier.watching.values import Values

CROSS_ENTROPIES = (
    "binary_crossentropy",
    "categorical_crossentropy",
    "sparse_categorical_crossentropy",
    "binary_focal_crossentropy",
    "categorical_focal_crossentropy",
)
SQUARED = ("mean_squared_error", "mse")
ABSOLUTE = ("mean_absolute_error", "mae")
REGRESSIONS = (
    *SQUARED,
    *ABSOLUTE,
    "huber",
    "log_cosh",
    "mean_absolute_percentage_error",
    "mape",
    "mean_squared_logarithmic_error",
    "msle",
)
MIN_ROWS = 2


def unseen(trace: Any, code: str, title: str) -> Unknown | None:
    """Why no batch could be looked at, where that is so for every fit of the program."""
    reasons = [
        fit.unseen or "no training step was taken" for fit in trace.fits if not fit.losses and not fit.own_step
    ]
    if trace.fits and len(reasons) == len(trace.fits):
        return Unknown(code=code, title=title, reason=reasons[0], needs="one batch of the training data")
    return None


def losses(trace: Any) -> Iterator[tuple[Fit, Loss, Values, Values]]:
    """Every loss that got a batch: (fit, loss, output, target). The output may have no finite number."""
    for fit in trace.fits:
        for loss in fit.losses:
            if loss.output is not None and loss.target is not None and loss.target.n:
                yield fit, loss, loss.output, loss.target


def cross_entropy(loss: Loss) -> str:
    """The cross entropy of Keras that a loss is, or gives the output to; "" for others."""
    name = loss.gives_to if loss.own else loss.name
    return name if name in CROSS_ENTROPIES else ""


def called(loss: Loss) -> str:
    """What a loss is in words: its name, and for one of the person's own what it calls."""
    return f"{loss.gives_to} in {loss.name}" if loss.own and loss.gives_to else loss.name


def output_of(loss: Loss) -> str:
    """The output in words, by its name where there are several."""
    return f"the output {loss.head}" if loss.head else "the output"


def where(fit: Fit) -> Place | None:
    """The line that says what is trained for: `compile`, else `fit`."""
    return fit.compiled or fit.place


def beside(fit: Fit) -> tuple[Place, ...]:
    """The line of `fit`, where `where` names that of `compile`."""
    return (fit.place,) if fit.compiled is not None and fit.place is not None else ()


def built_at(sources: Sources, fit: Fit, layer: Layer) -> Place | None:
    """The line that builds a layer: where the file of `compile` has one call of its class for each layer of it, in
    order and with the same number of units; None elsewhere."""
    place = where(fit)
    if place is None or place.file not in sources:
        return None
    same = [x for x in fit.layers if x.kind == layer.kind]
    named = (call for call in calls_in(sources[place.file]) if last_name(call.func) == layer.kind)
    calls = sorted(named, key=lambda call: (call.lineno, call.col_offset))
    if len(calls) != len(same) or not all(map(_may_build, calls, same)):
        return None
    return line_at(sources, place.file, calls[same.index(layer)].lineno)


def _may_build(call: ast.Call, layer: Layer) -> bool:
    """Is the number of units, where the call says it in digits, that of the layer?"""
    units = call.args[0] if call.args else None
    written = units.value if isinstance(units, ast.Constant) else None
    return not isinstance(written, int) or written in {shape[-1] for shape in layer.weights}


def first_weighted(fit: Fit) -> tuple[Layer, Layer | None] | None:
    """The first layer with weights, and the layer called after it."""
    for i, layer in enumerate(fit.layers):
        if layer.weights:
            return layer, fit.layers[i + 1] if i + 1 < len(fit.layers) else None
    return None


def width(values: Values) -> int:
    """Size of the last axis; 1 for one axis."""
    return values.shape[-1] if len(values.shape) > 1 else 1


def constant_loss(fit: Fit, loss: Loss) -> float:
    """What the best constant prediction reaches on the training targets; NaN where it cannot be worked out.

    Squared error: the variance. Cross entropy: the entropy of the class frequencies.
    """
    target = loss.target
    if target is None or not target.n:
        return math.nan
    if loss.name in SQUARED and width(target) == 1:
        return target.std**2
    if loss.name in ABSOLUTE and target.distinct == 2 and target.low == 0 and target.high == 1:
        return min(target.mean, 1.0 - target.mean)
    if loss.name == "binary_crossentropy" and width(target) == 1 and 0 < target.mean < 1 and target.distinct == 2:
        return -(target.mean * math.log(target.mean) + (1 - target.mean) * math.log(1 - target.mean))
    counts = fit.rows.class_counts if fit.rows is not None else ()
    if loss.name in ("categorical_crossentropy", "sparse_categorical_crossentropy") and len(counts) > 1:
        total = sum(counts)
        return -sum(c / total * math.log(c / total) for c in counts)
    return math.nan


def last_loss(fit: Fit) -> float:
    """The training loss as last reported: of the last epoch, else of the last step looked at."""
    if fit.logs and "loss" in fit.logs[-1]:
        return fit.logs[-1]["loss"]
    return fit.batch_losses[-1][1] if fit.batch_losses else math.nan


def plain(value: float) -> str:
    """A number as a person writes it."""
    return f"{value:.4g}"
