"""A softmax over one unit: the output is 1 whatever the input is.

Softmax divides each number by the sum of all of them. Over one number that is always 1, its gradient is always zero,
and nothing trains. It happens where a two-class model ends with `Dense(1, activation="softmax")`.

Evidence: the layer's activation and the size of the axis, and its output on a real batch.

Mend: one unit wants `sigmoid` and binary cross entropy; `softmax` wants one unit a class.

    keras.layers.Dense(1, activation="softmax")   # wrong
    keras.layers.Dense(1, activation="sigmoid")   # right
"""

from __future__ import annotations

from typing import Any

from luthier.checks import fitting
from luthier.findings import Finding, Unknown

TITLE = "softmax over a single unit"
TIER = "quick"
CAUSES = ()


def judge(trace: Any) -> list[Finding] | Unknown:
    """Softmax layers of one unit on the looked-at batch."""
    found = []
    for fit in trace.fits:
        for layer in fit.layers:
            out = layer.outputs
            if layer.activation != "softmax" or out is None or len(out.shape) < 2 or out.shape[-1] != 1:
                continue
            if not (out.low == out.high == 1.0):
                continue
            found.append(
                Finding(
                    code="K03",
                    title=TITLE,
                    number=1.0,
                    n=out.rows,
                    text=f"layer {layer.name} puts a softmax over one unit: its output is exactly 1 for all "
                    f"{out.rows} samples looked at, and its gradient is zero.",
                    remedy="Use activation='sigmoid' with binary cross entropy, or one unit a class",
                    severity="error",
                    certain=True,
                    place=fitting.where(fit),
                    others=fitting.beside(fit),
                    step=0,
                    cause="A number divided by itself is 1: the model's answer cannot depend on its input.",
                    wrong='keras.layers.Dense(1, activation="softmax")',
                    right='keras.layers.Dense(1, activation="sigmoid")',
                    evidence={"layer": layer.name},
                )
            )
    return found or fitting.unseen(trace, "K03", TITLE) or []
