"""A metric that does not measure what the outputs are.

`accuracy` of one output is `BinaryAccuracy` with a threshold of 0.5. Where the outputs are logits the border between
the classes is 0, not 0.5: samples between are counted for the wrong class. And accuracy of a regression counts how
often two numbers are exactly equal, which is about never.

Evidence: the metric as Keras resolved it, its threshold, the loss, and the output and target of a real batch; exact.

Mend:

    metrics=[keras.metrics.BinaryAccuracy(threshold=0.0)]   # for logits
    metrics=["mae"]                                         # for a regression
"""

from __future__ import annotations

from typing import Any

from luthier.checks import fitting
from luthier.findings import Finding, Unknown
from luthier.watching.fits import Loss, Metric
from luthier.watching.values import Values

TITLE = "metric does not fit the outputs"
TIER = "quick"
CAUSES = ("K01", "K02", "K04")
_ACCURACIES = ("BinaryAccuracy", "CategoricalAccuracy", "SparseCategoricalAccuracy", "Accuracy")


def judge(trace: Any) -> list[Finding] | Unknown:
    """Metrics of fits with one loss."""
    found = []
    for fit, loss, output, target in fitting.losses(trace):
        for metric in fit.metrics if len(fit.losses) == 1 else []:
            said = _wrong(metric, loss, output, target)
            if said is None:
                continue
            text, remedy, right = said
            found.append(
                Finding(
                    code="K12",
                    title=TITLE,
                    number=metric.threshold,
                    threshold=0.0,
                    n=output.rows,
                    text=text,
                    remedy=remedy,
                    severity="warning",
                    certain=True,
                    place=fitting.where(fit),
                    others=fitting.beside(fit),
                    step=0,
                    cause="The number that is watched and reported is not the model's accuracy; the weights train "
                    "as they would without it.",
                    wrong=f'metrics=["{metric.name}"]',
                    right=right,
                    evidence={"metric": metric.kind, "metric_threshold": metric.threshold, "loss": loss.name},
                )
            )
    return found or fitting.unseen(trace, "K12", TITLE) or []


def _wrong(metric: Metric, loss: Loss, output: Values, target: Values) -> tuple[str, str, str] | None:
    if metric.kind == "BinaryAccuracy" and metric.threshold == 0.5 and loss.from_logits and output.low < 0:
        return (
            f"{metric.name} counts an output above 0.5 as positive, but the outputs are logits (from_logits=True), "
            "for which the border is 0.",
            "Use keras.metrics.BinaryAccuracy(threshold=0.0)",
            "metrics=[keras.metrics.BinaryAccuracy(threshold=0.0)]",
        )
    numbers = not target.whole or target.distinct < 0 or target.distinct > 100
    if metric.kind in _ACCURACIES and loss.name in fitting.REGRESSIONS and numbers:
        return (
            f"{metric.name} counts how often prediction and target are equal, but the target is a number "
            f"({'more than 1000' if target.distinct < 0 else target.distinct} different values, loss {loss.name}).",
            "Use a metric for numbers, such as mae",
            'metrics=["mae"]',
        )
    return None
