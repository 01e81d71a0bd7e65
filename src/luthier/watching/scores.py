"""Scores of scikit-learn that are not a mean over rows: on how many rows, and after which call of a model."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any

from luthier.watching.ends import Score
from luthier.watching.lines import called_by_user
from luthier.watching.patching import Patches
from luthier.watching.recorder import Recorder

WHOLE = (
    "average_precision_score",
    "balanced_accuracy_score",
    "cohen_kappa_score",
    "explained_variance_score",
    "f1_score",
    "fbeta_score",
    "jaccard_score",
    "matthews_corrcoef",
    "precision_score",
    "r2_score",
    "recall_score",
    "roc_auc_score",
    "root_mean_squared_error",
)
"""Functions whose value for the whole is not the mean of the values for its parts."""


def install(recorder: Recorder) -> Callable[[], None]:
    """Put the hooks into `sklearn.metrics`, and where each function is defined, so that it can still be pickled."""
    metrics: Any = sys.modules["sklearn.metrics"]
    note = recorder.safely("score", functools.partial(_note, recorder))
    patches = Patches()
    for name in WHOLE:
        original = getattr(metrics, name, None)
        if original is None:
            continue
        scored = _noting(original, name, recorder, note)
        for owner in (metrics, sys.modules.get(original.__module__)):
            if getattr(owner, name, None) is original:
                patches.put(owner, name, scored)
    return patches.restore


def _noting(original: Any, name: str, recorder: Recorder, note: Callable[..., Any]) -> Any:
    @functools.wraps(original)
    def scored(*args: Any, **kwargs: Any) -> Any:
        value = original(*args, **kwargs)
        if not recorder.off and called_by_user():
            note(name, args[0] if args else kwargs.get("y_true"))
        return value

    return scored


def _note(recorder: Recorder, name: str, targets: Any) -> None:
    trace = recorder.trace
    trace.scores.append(
        Score(
            at=recorder.tick(),
            step=trace.num_steps,
            place=recorder.place(4),
            name=name,
            num_rows=len(targets),
            forward=trace.num_forwards,
        )
    )
