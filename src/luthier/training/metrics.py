"""Metrics by their usual names: outputs [n, C] and targets [n] in, one number out.

Accuracy and the losses are computed here, because they steer the search and must not wait for the import of
scikit-learn; every other metric is scikit-learn's own.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from luthier.errors import InvalidInput
from luthier.records import Metric

Array = npt.NDArray[Any]
CLASSES = ("binary", "multiclass")


def accuracy_rows(outputs: Array, targets: Array) -> Array:
    """1.0 where the largest output is the target's class, [n]."""
    return np.asarray(outputs.argmax(1) == targets, np.float64)


def log_loss_rows(outputs: Array, targets: Array) -> Array:
    """-log softmax(outputs)[target] in nats, [n]."""
    z = outputs.astype(np.float64)
    z = z - z.max(1, keepdims=True)
    return np.asarray(np.log(np.exp(z).sum(1)) - z[np.arange(len(z)), targets])


def squared_error_rows(outputs: Array, targets: Array) -> Array:
    """Mean over target values of (output - target)^2, [n]."""
    return np.asarray(((outputs.astype(np.float64) - targets.reshape(outputs.shape)) ** 2).mean(1))


def absolute_error_rows(outputs: Array, targets: Array) -> Array:
    """Mean over target values of |output - target|, [n]."""
    return np.asarray(np.abs(outputs.astype(np.float64) - targets.reshape(outputs.shape)).mean(1))


ROWS: dict[str, Callable[[Array, Array], Array]] = {
    "accuracy": accuracy_rows,
    "log_loss": log_loss_rows,
    "mse": squared_error_rows,
    "mae": absolute_error_rows,
}
"""Metrics that are a mean over rows: their value per row."""


def _balanced_accuracy(outputs: Array, targets: Array) -> float:
    from sklearn.metrics import balanced_accuracy_score

    return float(balanced_accuracy_score(targets, outputs.argmax(1)))


def _f1_macro(outputs: Array, targets: Array) -> float:
    from sklearn.metrics import f1_score

    return float(f1_score(targets, outputs.argmax(1), average="macro", zero_division=0.0))


def _r2(outputs: Array, targets: Array) -> float:
    from sklearn.metrics import r2_score

    return float(r2_score(targets.reshape(outputs.shape), outputs))


WHOLE: dict[str, Callable[[Array, Array], float]] = {
    "balanced_accuracy": _balanced_accuracy,
    "f1_macro": _f1_macro,
    "r2": _r2,
}
GREATER_IS_BETTER = {"accuracy": True, "balanced_accuracy": True, "f1_macro": True, "log_loss": False,
                     "mse": False, "mae": False, "r2": True}  # fmt: skip
FITS = {name: ("regression",) if name in ("mse", "mae", "r2") else CLASSES for name in GREATER_IS_BETTER}
DEFAULT = {"binary": "accuracy", "multiclass": "accuracy", "regression": "mse"}


def metric_for(name: str, kind: str) -> Metric:
    """The metric by name, checked against the kind of task; "" takes the default of the kind.

    Raises:
        InvalidInput: unknown (names the nearest), or it does not fit.
    """
    name = name or DEFAULT[kind]
    fitting = [n for n in GREATER_IS_BETTER if kind in FITS[n]]
    if name not in GREATER_IS_BETTER:
        near = difflib.get_close_matches(name, fitting, 1)
        raise InvalidInput(
            f"metric={name!r}",
            must=f"one of {', '.join(fitting)}",
            where=f"{kind} task",
            remedy=f"Did you mean {near[0]!r}" if near else "",
        )
    if kind not in FITS[name]:
        raise InvalidInput(
            f"metric={name!r}",
            must=f"a metric for {kind} targets",
            where="task",
            remedy=f"Use one of {', '.join(fitting)}",
        )
    return Metric(name=name, greater_is_better=GREATER_IS_BETTER[name])


def score(name: str, outputs: Array, targets: Array) -> float:
    """The metric of all rows; NaN where an output is not finite."""
    if not np.isfinite(outputs).all():
        return float("nan")
    if name in ROWS:
        return float(ROWS[name](outputs, targets).mean())
    return WHOLE[name](outputs, targets)


def constant_score(name: str, train_targets: Array, targets: Array, num_outputs: int) -> float:
    """Score of the best constant prediction: class frequencies, or the mean, of the training rows."""
    if np.issubdtype(train_targets.dtype, np.integer):
        share = np.bincount(train_targets, minlength=num_outputs) / len(train_targets)
        row = np.log(np.maximum(share, 1e-12))
    else:
        row = np.atleast_1d(train_targets.mean(0))
    return score(name, np.broadcast_to(row, (len(targets), num_outputs)).astype(np.float32), targets)
