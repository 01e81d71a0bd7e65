"""Are the probabilities of a two-class model right, and from which one on should it say yes?

The threshold is chosen on validation rows and shown on the test rows: chosen on rows that it is then judged on, it
would flatter itself. A calibration error is that of `luthier.training.metrics.calibration_error`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from luthier.findings import DecisionReport
from luthier.training import metrics

Array = npt.NDArray[Any]
CANDIDATES = 256
"""Thresholds that are tried, at most: quantiles of the probabilities."""
INSTEAD = "f1"
"""What a threshold is chosen by where the metric does not depend on one."""
BY_THRESHOLD = frozenset(("accuracy", "balanced_accuracy", "f1", "f1_macro", "f1_weighted", "mcc", "cohen_kappa"))
"""Metrics that a threshold changes and that weigh both errors."""


def judge(name: str, val: dict[str, Array], test: dict[str, Array] | None) -> DecisionReport:
    """Calibration and threshold of a shipped model of two classes.

    Args:
        name: metric of the run.
        val, test: "outputs" [n, 2] (logits) and "targets" [n] of the validation and the test rows.
    """
    by = name if name in BY_THRESHOLD else INSTEAD
    outputs, targets = val["outputs"], val["targets"]
    threshold = choose(by, outputs, targets)
    nan = float("nan")
    return DecisionReport(
        metric=by,
        threshold=threshold,
        applied=by == name and name != "accuracy",
        num_val=len(targets),
        val_at_half=metrics.score(by, outputs, targets),
        val_at_threshold=metrics.score(by, moved(outputs, threshold), targets),
        num_test=0 if test is None else len(test["targets"]),
        test_at_half=nan if test is None else metrics.score(by, test["outputs"], test["targets"]),
        test_at_threshold=nan
        if test is None
        else metrics.score(by, moved(test["outputs"], threshold), test["targets"]),
        ece_val=metrics.score("ece", outputs, targets),
        ece_test=nan if test is None else metrics.score("ece", test["outputs"], test["targets"]),
    )


def choose(name: str, outputs: Array, targets: Array) -> float:
    """The probability of the second class from which on the metric is best; ties: the nearest to one half."""
    p = metrics.probabilities(outputs)[:, 1]
    found = np.unique(np.quantile(p, np.linspace(0, 1, min(CANDIDATES, len(p)))))
    middles = (found[1:] + found[:-1]) / 2
    tried = sorted({0.5, *middles.tolist()}, key=lambda t: abs(t - 0.5))
    scores = [metrics.score(name, moved(outputs, t), targets) for t in tried]
    return float(tried[int(np.argmax(scores))])


def moved(outputs: Array, threshold: float) -> Array:
    """Logits [n, 2] with which the larger output is the second class from this probability on."""
    t = min(max(threshold, 1e-12), 1 - 1e-12)
    shifted = outputs.astype(np.float64).copy()
    shifted[:, 1] -= np.log(t / (1 - t))
    return shifted
