"""The gradient vanishes on its way through the layers.

## What it detects
The gradient of one weight matrix, relative to the size of its weights, is less than a ten-thousandth of that of
another one, in the median of several batches, and the model does not learn.

## Why it hurts
The layers before the fading point stay what they were at the start.

## Evidence
The ratio, and the two tensors.

## Mend
Residual connections, normalisation, ReLU-like activations, He or Glorot initialisation.

Wrong: `[nn.Linear(64, 64), nn.Sigmoid()] * 12`
Right: `[nn.Linear(64, 64), nn.LayerNorm(64), nn.ReLU()] * 12`

## When it keeps silent
Models that learn one batch and beat a constant. Rows of an embedding that did not occur. Tensors of one axis.

## Source
Glorot and Bengio 2010, "Understanding the difficulty of training deep feedforward neural networks".
"""

from __future__ import annotations

from luthier.checks.active.exam import Exam
from luthier.findings import Finding, Unknown

TITLE = "the gradient vanishes through the layers"
TIER = "full"
CAUSES = ("N01", "M07")
RATIO = 1e-4


def judge(exam: Exam) -> list[Finding] | Unknown:
    """Is the ratio of relative gradients tiny in a model that does not learn?"""
    signal = exam.signal
    if signal is None:
        return exam.unknown("M05", TITLE, "signal")
    relative = {
        name: weight.grad / weight.rms
        for name, weight in signal.weights.items()
        if weight.axes >= 2 and weight.grad > 0 and weight.rms > 0
    }
    if len(relative) < 3 or _learns(exam):
        return []
    least, most = min(relative, key=relative.__getitem__), max(relative, key=relative.__getitem__)
    ratio = relative[least] / relative[most]
    if ratio >= RATIO:
        return []
    return [
        Finding(
            code="M05",
            title=TITLE,
            number=ratio,
            threshold=RATIO,
            n=signal.batches,
            text=f"The gradient of {least}, relative to its weights, is {ratio:.1g} of that of {most} "
            f"(median of {signal.batches} batches of {signal.rows} rows), and the model does not learn.",
            remedy="Add normalisation or residual connections, use ReLU-like activations and their initialisation.",
            severity="warning",
            place=exam.place,
            cause="What lies before the fading point stays what it was at the start.",
            wrong="layers = [nn.Linear(64, 64), nn.Sigmoid()]",
            right="layers = [nn.Linear(64, 64), nn.LayerNorm(64), nn.ReLU()]",
        )
    ]


def _learns(exam: Exam) -> bool:
    fits = exam.fit is not None and exam.fit.reached
    return fits and (exam.learned is None or exam.learned.learned)
