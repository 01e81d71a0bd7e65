"""A callback follows a quantity the wrong way round, or one that is never reported.

ModelCheckpoint(save_best_only=True), EarlyStopping and ReduceLROnPlateau take the lowest value for the best with
mode="min" and the highest with mode="max". With "min" on an accuracy the worst epoch is kept, and training stops
while it improves. A name that is not in the logs of an epoch is warned of and passed over: nothing is kept, stopped
or reduced.

Evidence: the mode as given and the name of the monitored quantity, a loss or metric of Keras (or with such a name);
the names in the logs of all epochs; exact.

Mend: leave mode to "auto", or turn it; take the name from the logs.

    ModelCheckpoint(path, monitor="val_accuracy", mode="min", save_best_only=True)     # wrong
    ModelCheckpoint(path, monitor="val_accuracy", mode="max", save_best_only=True)     # right

It keeps silent for quantities with any other name ("accuracy_gap"), for mode="auto", for checkpoints that keep every
epoch or count batches, for callbacks of one's own, for the losses of a training step of one's own, and for fits of
one epoch.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Any

from luthier.checks import fitting
from luthier.checks.patches import calls_in, last_name
from luthier.checks.wording import Sources, few, line_at, plural
from luthier.findings import Finding, Place, Unknown
from luthier.watching.fits import Chooser, Fit

TITLE = "a callback follows the wrong quantity or the wrong way"
TIER = "quick"
CAUSES = ()
UP = (
    "acc|accuracy|binary_accuracy|categorical_accuracy|sparse_categorical_accuracy|top_k_categorical_accuracy|"
    "sparse_top_k_categorical_accuracy|auc|pr_auc|roc_auc|precision|recall|f1|f1_score|fbeta_score|iou|mean_io_u|"
    "mean_iou|binary_io_u|one_hot_io_u|r2|r2_score"
)
"""Names of what is better when it is higher."""
DOWN = (
    "loss|error|mse|mae|rmse|mape|msle|mean_squared_error|root_mean_squared_error|mean_absolute_error|"
    "mean_absolute_percentage_error|mean_squared_logarithmic_error|binary_crossentropy|categorical_crossentropy|"
    "sparse_categorical_crossentropy|kl_divergence"
)
"""Names of what is better when it is lower."""


def judge(trace: Any) -> list[Finding] | Unknown:
    """Callbacks of Keras in each fit of at least two epochs; one finding a callback and line."""
    found: dict[tuple[Place | None, str, str], Finding] = {}
    for fit in trace.fits:
        for chooser in fit.choosers if len(fit.logs) > 1 else []:
            finding = _finding(trace.sources, fit, chooser)
            if finding is not None:
                found.setdefault((finding.place, chooser.kind, chooser.monitor), finding)
    return list(found.values())


def _finding(sources: Sources, fit: Fit, chooser: Chooser) -> Finding | None:
    said = _missing(fit, chooser) if chooser.monitor not in fit.logged else _turned(fit, chooser)
    if said is None:
        return None
    text, remedy, right = said
    line = _line(sources, fit, chooser)
    kept = chooser.kind == "ModelCheckpoint"
    return Finding(
        code="K24",
        title=TITLE,
        n=len(fit.logs),
        text=text,
        remedy=remedy,
        severity="error" if kept or chooser.monitor in fit.logged else "warning",
        certain=True,
        place=line or fit.place,
        others=(fit.place,) if line is not None and fit.place is not None else (),
        cause="What is kept, or when training ends, hangs on this number.",
        wrong=f'{chooser.kind}(..., monitor="{chooser.monitor}", mode="{chooser.mode}")',
        right=right,
        evidence={"callback": chooser.kind, "monitor": chooser.monitor, "mode": chooser.mode},
    )


def _turned(fit: Fit, chooser: Chooser) -> tuple[str, str, str] | None:
    """(text, remedy, right) where the mode contradicts the quantity."""
    wanted = _direction(fit, chooser.monitor)
    values = [log[chooser.monitor] for log in fit.logs if chooser.monitor in log]
    if wanted is None or {chooser.mode, wanted} != {"min", "max"} or len(values) < 2:
        return None
    low, high = fitting.plain(min(values)), fitting.plain(max(values))
    taken, better = (low, high) if chooser.mode == "min" else (high, low)
    return (
        f'{chooser.kind} follows {chooser.monitor} with mode="{chooser.mode}": of {plural(len(values), "epoch")} it '
        f"takes the one with {taken} for the best, where {better} was reached.",
        f'Set mode="{wanted}", or leave it out',
        f'{chooser.kind}(..., monitor="{chooser.monitor}", mode="{wanted}")',
    )


def _direction(fit: Fit, monitor: str) -> str | None:
    """Which way is better; None where the name does not say it."""
    name = monitor.removeprefix("val_")
    for head in (loss.head for loss in fit.losses if loss.head):
        name = name.removeprefix(f"{head}_")
    if re.fullmatch(rf"({UP})(_\d+)?", name):
        return "max"
    return "min" if re.fullmatch(rf"({DOWN})(_\d+)?", name) and not fit.own_step else None


def _missing(fit: Fit, chooser: Chooser) -> tuple[str, str, str] | None:
    """(text, remedy, right) where the quantity was in no log."""
    idle = {
        "ModelCheckpoint": "nothing was saved",
        "EarlyStopping": "it could not stop",
        "ReduceLROnPlateau": "the rate was never reduced",
    }[chooser.kind]
    validated = any(name.startswith("val_") for name in fit.logged)
    if chooser.monitor.startswith("val_") and fit.validation and not validated:
        return None  # validation_freq
    text = (
        f"{chooser.kind} follows {chooser.monitor}, which is in the logs of none of {plural(len(fit.logs), 'epoch')} "
        f"({few(sorted(fit.logged), 6)}): {idle}."
    )
    if chooser.monitor.removeprefix("val_") in fit.logged and not validated:
        remedy = "Give fit validation_data, or follow a number of the training part"
        return text, remedy, "model.fit(..., validation_split=0.2)"
    near = get_close_matches(chooser.monitor, sorted(fit.logged), 1, 0.0)
    return text, f'Follow "{near[0]}"', f'{chooser.kind}(..., monitor="{near[0]}")'


def _line(sources: Sources, fit: Fit, chooser: Chooser) -> Place | None:
    """The line that makes the callback, where the file of `fit` makes one of its kind."""
    if fit.place is None or fit.place.file not in sources:
        return None
    calls = [call for call in calls_in(sources[fit.place.file]) if last_name(call.func) == chooser.kind]
    return line_at(sources, fit.place.file, calls[0].lineno) if len(calls) == 1 else None
