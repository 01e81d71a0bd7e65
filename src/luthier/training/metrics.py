"""Metrics by their usual names: outputs [n, C] and targets in, one number out.

Accuracy and the losses are computed here, because they steer the search and must not wait for the import of
scikit-learn; every other metric is scikit-learn's own. Outputs of classes are logits.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from luthier.errors import InvalidInput
from luthier.records import Metric
from luthier.training.directions import metric_of, parted

Array = npt.NDArray[Any]
Score = Callable[[Array, Array], float]
BINARY, CLASSES, LABELS, REAL = ("binary",), ("binary", "multiclass"), ("multilabel",), ("regression",)
CALIBRATION_BINS = 15


class OwnMetric(NamedTuple):
    """A metric of one's own.

    Args:
        function: (outputs [n, C], targets [n] or [n, k]) -> a number. Outputs of classes are logits.
        greater_is_better: its direction.
        name: for the report; default: the function's.
    """

    function: Score
    greater_is_better: bool
    name: str = ""


class Known(NamedTuple):
    """What is known of a metric: kinds of tasks that it fits, direction, and how it is computed.

    Args:
        rows: (outputs, targets) -> a value for each row, of which it is the mean.
        whole: (outputs, targets) -> it, where it is no mean over rows.
    """

    kinds: tuple[str, ...]
    greater_is_better: bool
    rows: Callable[[Array, Array], Array] | None = None
    whole: Score | None = None


def accuracy_rows(outputs: Array, targets: Array) -> Array:
    """1.0 where the largest output is the target's class, [n]; of several labels, where all of them are right."""
    if targets.ndim == 2:
        return np.asarray(((outputs > 0) == (targets > 0.5)).all(1), np.float64)
    return np.asarray(outputs.argmax(1) == targets, np.float64)


def log_loss_rows(outputs: Array, targets: Array) -> Array:
    """-log softmax(outputs)[target] in nats, [n]; of several labels, the mean of their binary log losses."""
    z = outputs.astype(np.float64)
    if targets.ndim == 2:
        return np.asarray((np.maximum(z, 0) - z * targets + np.log1p(np.exp(-np.abs(z)))).mean(1))
    z = z - z.max(1, keepdims=True)
    return np.asarray(np.log(np.exp(z).sum(1)) - z[np.arange(len(z)), targets])


def squared_error_rows(outputs: Array, targets: Array) -> Array:
    """Mean over target values of (output - target)^2, [n]."""
    return np.asarray(((outputs.astype(np.float64) - targets.reshape(outputs.shape)) ** 2).mean(1))


def absolute_error_rows(outputs: Array, targets: Array) -> Array:
    """Mean over target values of |output - target|, [n]."""
    return np.asarray(np.abs(outputs.astype(np.float64) - targets.reshape(outputs.shape)).mean(1))


def wrong_labels_rows(outputs: Array, targets: Array) -> Array:
    """Share of the labels that are wrong, [n]: the Hamming loss."""
    return np.asarray(((outputs > 0) != (targets > 0.5)).mean(1))


def brier_rows(outputs: Array, targets: Array) -> Array:
    """Squared distance of the probabilities from the truth, [n]: summed over classes (Brier 1950), or the mean over
    labels. Of two classes it is twice that of the positive one."""
    p = probabilities(outputs, several=targets.ndim == 2)
    if targets.ndim == 2:
        return np.asarray(((p - targets) ** 2).mean(1))
    return np.asarray(((p - np.eye(p.shape[1])[targets]) ** 2).sum(1))


def top_5_rows(outputs: Array, targets: Array) -> Array:
    """1.0 where the target's class is among the five largest outputs, [n]."""
    of_target = outputs[np.arange(len(outputs)), targets][:, None]
    return np.asarray((outputs > of_target).sum(1) < 5, np.float64)


def probabilities(outputs: Array, *, several: bool = False) -> Array:
    """float64 [n, C]: softmax of the outputs, or the sigmoid of each where several labels go together."""
    z = outputs.astype(np.float64)
    if several:
        p: Array = np.where(z >= 0, 1.0, np.exp(-np.abs(z))) / (1.0 + np.exp(-np.abs(z)))
        return p
    e = np.exp(z - z.max(1, keepdims=True))
    shares: Array = e / e.sum(1, keepdims=True)
    return shares


def calibration_error(outputs: Array, targets: Array) -> float:
    """Expected calibration error: |accuracy - confidence| of the predicted class in 15 bins of equal width, weighted
    by their rows (Guo et al. 2017, 1706.04599)."""
    p = probabilities(outputs)
    confidence, right = p.max(1), p.argmax(1) == targets
    bins = np.minimum((confidence * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    gaps = [abs(right[bins == b].mean() - confidence[bins == b].mean()) * (bins == b).mean() for b in np.unique(bins)]
    return float(sum(gaps))


def _chosen(outputs: Array, targets: Array) -> Array:
    return (outputs > 0).astype(int) if targets.ndim == 2 else outputs.argmax(1)


def _by_decision(name: str, **how: Any) -> Score:
    """A function of sklearn.metrics of (targets, predicted classes)."""

    def score(outputs: Array, targets: Array) -> float:
        from sklearn import metrics

        truth = targets.astype(int) if targets.ndim == 2 else targets
        return float(getattr(metrics, name)(truth, _chosen(outputs, targets), **how))

    return score


def _by_value(name: str) -> Score:
    """A function of sklearn.metrics of (targets, values)."""

    def score(outputs: Array, targets: Array) -> float:
        from sklearn import metrics

        return float(getattr(metrics, name)(targets.reshape(outputs.shape), outputs.astype(np.float64)))

    return score


def _by_rank(name: str) -> Score:
    """A function of sklearn.metrics of (truth, scores): of two classes the second counts, of more each against the
    others, as a mean. A class that is missing, or that is all there is, is left out of the mean."""

    def score(outputs: Array, targets: Array) -> float:
        from sklearn import metrics

        function = getattr(metrics, name)
        if targets.ndim == 1 and outputs.shape[1] == 2:
            pairs = [(targets == 1, outputs[:, 1] - outputs[:, 0])]
        elif targets.ndim == 1:
            p = probabilities(outputs)
            pairs = [(targets == c, p[:, c]) for c in range(p.shape[1])]
        else:
            pairs = [(targets[:, c] > 0.5, outputs[:, c]) for c in range(outputs.shape[1])]
        found = [float(function(truth, values)) for truth, values in pairs if 0 < truth.sum() < len(truth)]
        return float(np.mean(found)) if found else float("nan")

    return score


def _rmse(outputs: Array, targets: Array) -> float:
    return float(np.sqrt(squared_error_rows(outputs, targets).mean()))


def _averaged(name: str) -> dict[str, Known]:
    """precision, recall or F1 by its ways of averaging over classes (`macro`: their mean; `weighted`: by rows;
    `micro`: over all decisions), and of the second of two classes."""
    function, many = f"{name}_score", (*CLASSES, *LABELS)
    return {
        name: Known(BINARY, True, whole=_by_decision(function, zero_division=0.0)),
        f"{name}_macro": Known(many, True, whole=_by_decision(function, average="macro", zero_division=0.0)),
        f"{name}_weighted": Known(many, True, whole=_by_decision(function, average="weighted", zero_division=0.0)),
        f"{name}_micro": Known(LABELS, True, whole=_by_decision(function, average="micro", zero_division=0.0)),
    }


KNOWN: dict[str, Known] = {
    "accuracy": Known((*CLASSES, *LABELS), True, rows=accuracy_rows),
    "top_5_accuracy": Known(("multiclass",), True, rows=top_5_rows),
    "balanced_accuracy": Known(CLASSES, True, whole=_by_decision("balanced_accuracy_score")),
    **_averaged("precision"),
    **_averaged("recall"),
    **_averaged("f1"),
    "mcc": Known(CLASSES, True, whole=_by_decision("matthews_corrcoef")),
    "cohen_kappa": Known(CLASSES, True, whole=_by_decision("cohen_kappa_score")),
    "roc_auc": Known((*CLASSES, *LABELS), True, whole=_by_rank("roc_auc_score")),
    "pr_auc": Known((*CLASSES, *LABELS), True, whole=_by_rank("average_precision_score")),
    "log_loss": Known((*CLASSES, *LABELS), False, rows=log_loss_rows),
    "brier": Known((*CLASSES, *LABELS), False, rows=brier_rows),
    "ece": Known(CLASSES, False, whole=calibration_error),
    "hamming_loss": Known(LABELS, False, rows=wrong_labels_rows),
    "mse": Known(REAL, False, rows=squared_error_rows),
    "rmse": Known(REAL, False, whole=_rmse),
    "mae": Known(REAL, False, rows=absolute_error_rows),
    "median_absolute_error": Known(REAL, False, whole=_by_value("median_absolute_error")),
    "mape": Known(REAL, False, whole=_by_value("mean_absolute_percentage_error")),
    "r2": Known(REAL, True, whole=_by_value("r2_score")),
    "explained_variance": Known(REAL, True, whole=_by_value("explained_variance_score")),
}
"""By their usual names. `accuracy` of several labels asks for all of a row's to be right; `top_5_accuracy` for more
than five classes; `mape` is a fraction."""
DEFAULT = {"binary": "accuracy", "multiclass": "accuracy", "multilabel": "f1_macro", "regression": "mse"}
_OWN: dict[str, OwnMetric] = {}


def register(own: OwnMetric) -> str:
    """Make a metric of one's own known in this process; returns its name.

    Raises:
        InvalidInput: the name is taken by a known metric, or it is no function.
    """
    name = own.name or getattr(own.function, "__name__", "")
    if not callable(own.function):
        raise InvalidInput(f"metric={own.function!r}", must="a function of (outputs, targets)", where="metric")
    if name in KNOWN:
        raise InvalidInput(f"metric name={name!r}", must="a name that no known metric has", where="metric")
    _OWN[name] = own
    return name


def metric_for(name: str, kind: str) -> Metric:
    """The metric by name, checked against the kind of task; "" takes the default of the kind.

    Raises:
        InvalidInput: unknown (names the nearest), or it does not fit.
    """
    name = name or DEFAULT[kind]
    if name in _OWN:
        return Metric(name=name, greater_is_better=_OWN[name].greater_is_better)
    fitting = [n for n, known in KNOWN.items() if kind in known.kinds]
    if name not in KNOWN:
        near = difflib.get_close_matches(name, fitting, 1)
        raise InvalidInput(
            f"metric={name!r}",
            must=f"one of {', '.join(fitting)}",
            where=f"{kind} task",
            remedy=f"Did you mean {near[0]!r}?" if near else "",
        )
    if kind not in KNOWN[name].kinds:
        raise InvalidInput(
            f"metric={name!r}",
            must=f"a metric for {kind} targets",
            where="task",
            remedy=f"Use one of {', '.join(fitting)}",
        )
    return Metric(name=name, greater_is_better=KNOWN[name].greater_is_better)


def check_measured(name: str, names: Sequence[str]) -> None:
    """A function of one's own returns the metric.

    Raises:
        InvalidInput: it is not among the names; tells the nearest.
    """
    if name not in names:
        near = difflib.get_close_matches(name, names, 1)
        raise InvalidInput(
            f"metric={name!r}",
            must=f"one of {', '.join(names)}, which your function returns",
            where="metric",
            remedy=f"Did you mean {near[0]!r}?" if near else "",
        )


def measured_metric(text: str) -> Metric:
    """A metric that a function of one's own returns: its direction is said before it, else told by its words.

    Args:
        text: "val_loss", "max:reward"; "" is "loss".

    Raises:
        InvalidInput: its direction cannot be told.

    >>> measured_metric("token_accuracy").greater_is_better, measured_metric("min:distance").greater_is_better
    (True, False)
    """
    way, name = parted(text or "loss")
    return metric_of(name, way)


def rows_of(name: str) -> Callable[[Array, Array], Array] | None:
    """The metric's value for each row, where it is a mean over rows; else None."""
    return KNOWN[name].rows if name in KNOWN else None


def score(name: str, outputs: Array, targets: Array) -> float:
    """The metric of all rows; NaN where an output is not finite."""
    if not np.isfinite(outputs).all():
        return float("nan")
    if name in _OWN:
        return float(_OWN[name].function(outputs, targets))
    known = KNOWN[name]
    if known.rows is not None:
        return float(known.rows(outputs, targets).mean())
    assert known.whole is not None
    return known.whole(outputs, targets)


def constant_score(name: str, train_targets: Array, targets: Array, num_outputs: int) -> float:
    """Score of the best constant prediction: class frequencies, log odds, or the mean, of the training rows."""
    if np.issubdtype(train_targets.dtype, np.integer):
        share = np.bincount(train_targets, minlength=num_outputs) / len(train_targets)
        row = np.log(np.maximum(share, 1e-12))
    else:
        row = np.atleast_1d(train_targets.mean(0))
        if name in KNOWN and KNOWN[name].kinds[-1] == "multilabel":
            row = np.log(np.clip(row, 1e-6, 1 - 1e-6) / (1 - np.clip(row, 1e-6, 1 - 1e-6)))
    return score(name, np.broadcast_to(row, (len(targets), num_outputs)).astype(np.float32), targets)
