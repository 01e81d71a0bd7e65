"""The gradient dies on its way to the first layers.

What it detects

In nets of eight or more weight matrices: the gradient of the first quarter, relative to the weights, is less than
1e-4 of that of the last quarter in all looked-at steps, and the loss does not fall.

Why it hurts

The first layers stay as they were initialised. Adam hides this: it scales any gradient to the size of the learning
rate, so the first layers then follow rounding noise.

Evidence

Root mean square of gradient over that of the weight, medians of the two quarters, five looked-at steps or more.

Mend

    residual connections, normalisation layers, ReLU or GELU instead of sigmoid, He or Xavier initialisation

When it keeps silent

Frozen layers, embeddings and adapters (sparse or small gradients are normal); a loss that falls.

Source

Bengio et al. 1994; Glorot and Bengio 2010; AutoTrainer (ratio 1e-3, absolute 1e-4).
"""

from __future__ import annotations

import math
from statistics import median

from luthier.checks.reading import learning, num
from luthier.checks.wording import plural
from luthier.findings import Finding, Unknown
from luthier.watching.facts import Model
from luthier.watching.steps import Step
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = (
    "M05",
    "the gradient vanishes with depth",
    "quick",
    ("M03", "M04", "L02", "N01", "D01"),
)
MIN_MATRICES, MIN_STEPS = 8, 5
RATIO = 1e-4


def judge(trace: Trace) -> list[Finding] | Unknown:
    """Deep models in training, when the loss does not fall."""
    if learning(trace) is not False:
        return []
    found = []
    for model in trace.trained_models():
        order = {n: i for i, n in enumerate(model.parameters)}
        ratios = [r for s in trace.steps if s.tensors and not math.isnan(r := _ratio(trace, s, order))]
        if len(ratios) >= MIN_STEPS and max(ratios) < RATIO:
            found.append(_finding(model, ratios))
    return found


def _ratio(trace: Trace, step: Step, order: dict[int, int]) -> float:
    """Relative gradient of the first quarter of the matrices over that of the last quarter; NaN: too few matrices."""
    relative = [
        (order[t.parameter], t.grad_rms / t.weight_rms)
        for t in step.tensors
        if t.parameter in order
        and t.weight_rms > 0
        and math.isfinite(t.grad_rms)
        and len(trace.parameters[t.parameter].shape) >= 2
        and not trace.parameters[t.parameter].sparse
    ]
    if len(relative) < MIN_MATRICES:
        return math.nan
    values = [value for _, value in sorted(relative)]
    quarter = len(values) // 4
    last = median(values[-quarter:])
    return median(values[:quarter]) / last if last > 0 else math.nan


def _finding(model: Model, ratios: list[float]) -> Finding:
    return Finding(
        code=CODE,
        title=TITLE,
        number=median(ratios),
        threshold=RATIO,
        n=len(ratios),
        text=f"the first quarter of the layers of {model.name} gets {num(median(ratios))} of the relative gradient "
        f"of the last quarter (median of {plural(len(ratios), 'looked-at step')}), and the loss does not fall.",
        remedy="Use residual connections, normalisation layers, ReLU or GELU, and He or Xavier initialisation.",
        severity="warning",
        place=model.place,
        cause="The first layers stay as they were initialised, so the net works with random features.",
        evidence={"ratio": median(ratios), "num_steps": len(ratios)},
    )
