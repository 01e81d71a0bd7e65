"""A `relu` layer whose units are all zero, or an output that is the same for every input.

A unit that is zero for every sample passes no gradient: what lies before it is not trained through it. A whole layer
of such units cuts the model in two, and its output is the same whatever the input is.

Evidence: every layer's output on a real batch, before the first step and in inference mode. A layer counts where all
its units are zero for all rows; the output where its rows differ by less than a millionth of its size although the
rows of the input differ.

Mend: inputs of unit size, the default initialisation (he_normal for relu), no constant bias below zero.
"""

from __future__ import annotations

from typing import Any

from luthier.checks import fitting
from luthier.findings import Finding, Unknown
from luthier.watching.fits import Fit

TITLE = "output does not depend on the input"
TIER = "quick"
CAUSES = ("K03", "K07", "K08", "K10", "K18")
SAME = 1e-6
MIN_ROWS = 8


def judge(trace: Any) -> list[Finding] | Unknown:
    """The output of each fit with one loss."""
    found = [finding for fit in trace.fits if (finding := _judge(fit)) is not None]
    return found or fitting.unseen(trace, "K17", TITLE) or []


def _judge(fit: Fit) -> Finding | None:
    if not fit.inputs or not fit.inputs[0].spread > SAME or len(fit.losses) != 1:
        return None
    dead = [
        layer
        for layer in fit.layers
        if layer.activation == "relu" and layer.dead == 1.0 and layer.outputs and layer.outputs.rows >= MIN_ROWS
    ]
    output = fit.losses[0].output
    same = output is not None and output.rows >= MIN_ROWS and output.spread < SAME
    trains = any(w.grad_norm for w in fit.weights[:-1])
    if output is None or not same or (not dead and trains):
        return None
    where = f"layer {dead[0].name} is zero for all of them" if dead else "no layer could be named"
    return Finding(
        code="K17",
        title=TITLE,
        number=output.spread,
        threshold=SAME,
        n=output.rows,
        text=f"the model's output is the same for all {output.rows} different samples looked at; {where}.",
        remedy="Scale the inputs, and leave kernels and biases at their default initialisation",
        severity="error",
        certain=True,
        place=fitting.where(fit),
        others=fitting.beside(fit),
        step=0,
        cause="Units that are always zero pass no gradient: the layers before them cannot learn.",
        evidence={"dead_layers": len(dead), "layer": dead[0].name if dead else ""},
    )
