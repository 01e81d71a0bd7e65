"""What is compared under a name of the person's own: which way it points is said, or told by its words."""

from __future__ import annotations

import re

from luthier.errors import InvalidInput
from luthier.records import Metric

SMALLER = (
    "loss",
    "error",
    "err",
    "mse",
    "mae",
    "rmse",
    "mape",
    "nll",
    "perplexity",
    "ppl",
    "wer",
    "cer",
    "fid",
    "regret",
    "brier",
    "ece",
)
GREATER = (
    "acc",
    "accuracy",
    "f1",
    "auc",
    "auroc",
    "map",
    "ap",
    "bleu",
    "rouge",
    "reward",
    "return",
    "r2",
    "iou",
    "miou",
    "dice",
    "precision",
    "recall",
    "psnr",
    "ssim",
    "mcc",
)
"""Words of which everybody knows which way they point. A name is cut at what is no letter or digit."""


def parted(text: str) -> tuple[str, str]:
    """("max" or "min" or "", the rest) of a metric as it is written: "max:score", "val_loss"."""
    way, colon, rest = text.partition(":")
    return (way, rest) if colon and way in ("max", "min") else ("", text)


def metric_of(name: str, way: str = "") -> Metric:
    """The metric of a name, its direction told from the name where nobody says it.

    Args:
        way: "max", "min", or "".

    Raises:
        InvalidInput: no name, or a name that says no direction.

    >>> metric_of("val_loss").greater_is_better, metric_of("score", "max").greater_is_better
    (False, True)
    """
    if not name:
        raise InvalidInput(
            "metric=''",
            must="the name of what a program reports",
            where="metric",
            remedy='Write for example metric="val_loss"',
        )
    words = re.split(r"[^a-z0-9]+", name.lower())
    smaller, greater = any(w in SMALLER for w in words), any(w in GREATER for w in words)
    if not way and smaller == greater:
        raise InvalidInput(
            f"metric={name!r}",
            must="it is known whether larger or smaller is better",
            where="metric",
            remedy=f'Write metric="max:{name}" or metric="min:{name}"',
        )
    return Metric(name=name, greater_is_better=way == "max" if way else greater)
