"""The running statistics of batch normalisation do not follow the data.

What it detects

A batch-norm layer with `momentum=0` (they never move from 0 and 1), or with a momentum of 0.9 or more, which in torch
is the share of the new batch.

Why it hurts

In evaluation the layer uses the running statistics. At momentum 0 they are not those of the data. At 0.99 they are
those of the very last batch: in Keras 0.99 means the opposite, the share that is kept.

Evidence

Exact: the setting of the layer.

Mend

Wrong:

    nn.BatchNorm2d(64, momentum=0.99)

Right:

    nn.BatchNorm2d(64, momentum=0.01)

When it keeps silent

momentum None (a plain mean) and everything below 0.9; layers that track no statistics; models that never train.

Source

PyTorch documentation of BatchNorm2d ("different from the one used in optimizer classes").
"""

from __future__ import annotations

from luthier.checks.reading import num
from luthier.checks.wording import few, plural
from luthier.findings import Finding, Unknown
from luthier.watching.facts import Layer, Model
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "M16", "running statistics that do not follow", "quick", ()
VERY_HIGH = 0.9


def judge(trace: Trace) -> list[Finding] | Unknown:
    """Batch-norm layers of models in training; one finding a model."""
    found = []
    for model in trace.trained_models():
        odd = [layer for layer in model.layers if layer.kind.startswith("BatchNorm") and _is_odd(layer)]
        if odd:
            found.append(_finding(model, odd))
    return found


def _is_odd(layer: Layer) -> bool:
    momentum = layer.options.get("momentum")
    tracks = layer.options.get("track_running_stats", True)
    return isinstance(momentum, int | float) and bool(tracks) and (momentum == 0 or VERY_HIGH <= momentum < 1)


def _finding(model: Model, odd: list[Layer]) -> Finding:
    value = odd[0].options.get("momentum")
    momentum = float(value) if isinstance(value, int | float) else 0.0
    effect = (
        "they never move from 0 and 1"
        if momentum == 0
        else f"they are {num(100 * momentum)} % those of the last batch"
    )
    right = 0.1 if momentum == 0 else 1 - momentum
    return Finding(
        code=CODE,
        title=TITLE,
        number=momentum,
        threshold=VERY_HIGH if momentum else 0.0,
        n=len(odd),
        text=f"momentum={num(momentum)} in {plural(len(odd), 'batch-norm layer')} of {model.name} "
        f"({few(layer.name for layer in odd)}): in evaluation {effect}.",
        remedy=f"Use momentum={num(right)}; in torch it is the share of the new batch.",
        severity="warning",
        certain=True,
        place=model.place,
        cause="Evaluation uses the running statistics, and these are not those of the data.",
        wrong=f"nn.BatchNorm2d(64, momentum={num(momentum)})",
        right=f"nn.BatchNorm2d(64, momentum={num(right)})",
        evidence={"layers": [layer.name for layer in odd[:20]], "momentum": momentum},
    )
