"""The targets are not what the loss can be computed from.

Each cross entropy has its own form of targets: `binary_crossentropy` numbers from 0 to 1, `sparse_categorical_
crossentropy` whole numbers from 0 to K - 1 for K outputs, `categorical_crossentropy` rows that sum to 1. With others
the loss means nothing: a target of 2 in a binary cross entropy rewards ever larger outputs without end, a categorical
cross entropy over one output is always zero, and a class number beyond the outputs stops the program on a CPU and
gives NaN on a GPU.

Evidence: lowest and highest target, the number of outputs; exact.

Mend: K classes want K outputs with `softmax`; -1/+1 labels want (y + 1) / 2; several labels a row want `sigmoid` with
binary cross entropy.
"""

from __future__ import annotations

from typing import Any

from luthier.checks import fitting
from luthier.findings import Finding, Unknown
from luthier.watching.fits import Loss
from luthier.watching.values import Values

TITLE = "targets that the loss cannot use"
TIER = "quick"
CAUSES = ()
TOLERANCE = 1e-6


def judge(trace: Any) -> list[Finding] | Unknown:
    """Losses of Keras beside the range of their targets."""
    found = []
    for fit, loss, output, target in fitting.losses(trace):
        said = None if loss.own else _wrong(loss, output, target)
        if said is None:
            continue
        text, remedy, wrong, right = said
        found.append(
            Finding(
                code="K04",
                title=TITLE,
                number=target.high,
                threshold=float(fitting.width(output)),
                n=target.rows,
                text=text,
                remedy=remedy,
                severity="error",
                certain=True,
                place=fitting.where(fit),
                others=fitting.beside(fit),
                step=0,
                cause="The loss has no minimum at the right answer, so training cannot lead there.",
                wrong=wrong,
                right=right,
                evidence={
                    "low": target.low,
                    "high": target.high,
                    "outputs": fitting.width(output),
                    "loss": loss.name,
                },
            )
        )
    return found or fitting.unseen(trace, "K04", TITLE) or []


def _wrong(loss: Loss, output: Values, target: Values) -> tuple[str, str, str, str] | None:
    """(text, remedy, wrong, right) where target and loss do not fit."""
    k = fitting.width(output)
    span = f"{fitting.plain(target.low)} to {fitting.plain(target.high)}"
    if loss.name.startswith("binary") and (target.low < -TOLERANCE or target.high > 1 + TOLERANCE):
        if target.whole and target.low >= 0 and 2 < target.distinct <= 1000:
            classes = int(target.high) + 1
            return (
                f"{loss.name} takes targets from 0 to 1, but they are {target.distinct} classes, {span}.",
                f"Use {classes} outputs with softmax and sparse_categorical_crossentropy",
                f"Dense({k}, activation='sigmoid')  # {loss.name}",
                f"Dense({classes}, activation='softmax')  # sparse_categorical_crossentropy",
            )
        right = "y = (y + 1) / 2" if target.low == -1 else "y = (y - y.min()) / (y.max() - y.min())"
        return (
            f"{loss.name} takes targets from 0 to 1, but they go from {span}.",
            "Bring the targets to 0 and 1" if target.distinct == 2 else "Use a loss for numbers, such as mse",
            "model.fit(x, y)",
            f"{right}\nmodel.fit(x, y)",
        )
    if loss.name == "sparse_categorical_crossentropy" and (target.high > k - 1 or target.low < 0):
        return (
            f"sparse_categorical_crossentropy with {k} outputs takes classes 0 to {k - 1}, but they go from {span}.",
            f"Give the last layer {int(target.high) + 1} units, or number the classes from 0",
            f"Dense({k})",
            f"Dense({int(target.high) + 1})",
        )
    if loss.name == "categorical_crossentropy" and k == 1:
        return (
            "categorical_crossentropy over one output is zero whatever the model says.",
            "Use binary_crossentropy with sigmoid for one unit",
            "Dense(1)  # categorical_crossentropy",
            "Dense(1, activation='sigmoid')  # binary_crossentropy",
        )
    many_labels = target.row_sum_high > 1.001 or target.row_sum_low < 0.999
    if loss.name == "categorical_crossentropy" and width_fits(output, target) and many_labels:
        return (
            f"categorical_crossentropy takes rows of targets that sum to 1, but their sums go from "
            f"{fitting.plain(target.row_sum_low)} to {fitting.plain(target.row_sum_high)}.",
            "Several labels a row want sigmoid and binary_crossentropy; numbers want a regression loss",
            "Dense(k, activation='softmax')  # categorical_crossentropy",
            "Dense(k, activation='sigmoid')  # binary_crossentropy",
        )
    return None


def width_fits(output: Values, target: Values) -> bool:
    """Do output and target have the same number of columns, more than one?"""
    return 1 < fitting.width(output) == fitting.width(target)
