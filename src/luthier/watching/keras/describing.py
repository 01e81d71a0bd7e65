"""A call of `fit` and what it is given, as a record: data, optimizer, callbacks, metrics."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from luthier.findings import Place
from luthier.watching.fits import Chooser, Fit, Metric, Schedule
from luthier.watching.keras import inside, rows
from luthier.watching.values import values_of

_SELECTING = ("EarlyStopping", "ModelCheckpoint", "BackupAndRestore")
_NUM_RATES = 201
_FOLLOWING = ("EarlyStopping", "ModelCheckpoint", "ReduceLROnPlateau")


def begun(model: Any, place: Place | None, compiled: Place | None) -> Fit:
    """A record with what the model says of itself."""
    import keras

    fit = Fit(place=place, compiled=compiled, backend=keras.backend.backend(), model=type(model).__name__)
    fit.own_step = not type(model).train_step.__module__.startswith("keras.src")
    return fit


def describe(fit: Fit, model: Any, given: dict[str, Any]) -> None:
    """Fill in what `fit` was given by name, its arrays too."""
    fit.batch_size = int(given["batch_size"] or 32)
    fit.epochs, fit.shuffle = int(given["epochs"]), bool(given["shuffle"])
    fit.validation_split = float(given["validation_split"] or 0.0)
    fit.validation = "data" if given["validation_data"] is not None else "split" if fit.validation_split else ""
    describe_optimizer(fit, model, given["callbacks"])
    x, y = rows.arrays(given["x"]), rows.arrays(given["y"])
    fit.source = "arrays" if x else "dataset" if hasattr(given["x"], "element_spec") else "generator"
    if not x or y is None:
        return
    val_x: list[Any] = []
    val_y: list[Any] = []
    if fit.validation == "split":
        (x, val_x), (y, val_y) = rows.split(x, fit.validation_split), rows.split(y, fit.validation_split)
    elif fit.validation == "data" and isinstance(given["validation_data"], list | tuple):
        pair = [rows.arrays(part) or [] for part in given["validation_data"][:2]]
        val_x, val_y = pair[0], pair[1] if len(pair) > 1 else []
        fit.validation_digest = rows.digest(val_x)
    fit.inputs = [values_of(a, f"x{i}" if len(x) > 1 else "x") for i, a in enumerate(x)]
    fit.targets = [values_of(a, f"y{i}" if len(y) > 1 else "y") for i, a in enumerate(y)]
    fit.rows = rows.rows_of(x, y, val_x, val_y)


def describe_optimizer(fit: Fit, model: Any, callbacks: Any) -> None:
    """Fill in the optimizer, and what callbacks choose by."""
    given = listed(callbacks)
    chosen = [c for c in given if type(c).__name__ in _SELECTING]
    fit.monitored = tuple(sorted({str(c.monitor) for c in chosen if hasattr(c, "monitor")}))
    stopping = [c for c in chosen if type(c).__name__ == "EarlyStopping"]
    fit.restores = not stopping or all(c.restore_best_weights for c in stopping)
    fit.choosers = [
        Chooser(type(c).__name__, str(c.monitor), str(getattr(c, "mode", "auto"))) for c in given if _follows(c)
    ]
    optimizer = getattr(model, "optimizer", None)
    if optimizer is None:
        return
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    fit.optimizer = type(optimizer).__name__
    names = [type(c).__name__ for c in given]
    fit.scheduled = inside.has_schedule(optimizer)
    fit.scheduled = fit.scheduled or any("LearningRate" in n or "ReduceLR" in n for n in names)
    fit.learning_rate = float(np.asarray(optimizer.learning_rate))


def describe_schedule(fit: Fit, model: Any, first_epoch: int) -> None:
    """Fill in the course of the rate, after the first epoch of an optimizer that had taken no step before."""
    optimizer = getattr(model, "optimizer", None)
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    schedule = inside.schedule_of(optimizer)
    if optimizer is None or schedule is None or int(np.asarray(optimizer.iterations)) != fit.num_steps:
        return
    planned = fit.num_steps * (fit.epochs - first_epoch)
    at = np.linspace(0, planned - 1, min(_NUM_RATES, planned)).astype(np.int64)
    decay_steps = getattr(schedule, "decay_steps", 0)
    fit.schedule = Schedule(
        kind=type(schedule).__name__,
        decay_steps=int(decay_steps) if isinstance(decay_steps, int | float) else 0,
        num_steps=planned,
        rates=[float(np.asarray(schedule(int(step)))) for step in at],
    )


def _follows(callback: Any) -> bool:
    """Is it one of Keras' own that looks at a quantity after each epoch? A checkpoint that keeps all does not."""
    kind = type(callback)
    if (
        kind.__name__ not in _FOLLOWING
        or not kind.__module__.startswith("keras.")
        or not hasattr(callback, "monitor")
    ):
        return False
    return kind.__name__ != "ModelCheckpoint" or (callback.save_best_only and callback.save_freq == "epoch")


def listed(callbacks: Any) -> list[Any]:
    """Callbacks as `fit` takes them (none, one, a list, Keras' own list) as a list."""
    if callbacks is None:
        return []
    if isinstance(callbacks, list | tuple):
        return list(callbacks)
    return list(getattr(callbacks, "callbacks", [callbacks]))


def keep_logs(fit: Fit, logs: Any) -> None:
    """The numbers of an epoch."""
    fit.logged |= set(logs or ())
    if logs and len(fit.logs) < 10_000:
        fit.logs.append({name: float(np.asarray(value)) for name, value in logs.items() if np.ndim(value) == 0})


def describe_metrics(fit: Fit, model: Any) -> None:
    """Fill in the metrics as Keras resolved them from the shapes."""
    for metric in inside.metrics_of(model):
        kind = type(metric).__name__
        if kind == "MeanMetricWrapper":
            kind = getattr(inside.function_of(metric), "__name__", kind)
        threshold = inside.threshold_of(metric)
        own = getattr(metric, "from_logits", None)
        fit.metrics.append(
            Metric(
                name=metric.name,
                kind=kind,
                threshold=float(threshold) if isinstance(threshold, int | float) else math.nan,
                from_logits=inside.settings_of(metric).get("from_logits", own),
            )
        )
