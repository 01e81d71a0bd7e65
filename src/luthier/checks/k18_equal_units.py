"""Two layers in a row start with equal units.

Units of a layer that start equal, and whose outputs are weighted equally, get equal gradients: they stay equal for
ever, and the layer is as good as one unit. `kernel_initializer="zeros"` or a constant does that.

Evidence: the kernels of two weighted layers in a row have all columns equal, bit for bit, before the first step.

Mend: leave the initialiser out (glorot_uniform), or use he_normal with relu.

    keras.layers.Dense(64, kernel_initializer="zeros")   # wrong
    keras.layers.Dense(64)                               # right

A zero last layer alone is a sound choice and is not reported.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from luthier.checks import fitting
from luthier.findings import Finding, Unknown

TITLE = "all units of a layer start equal"
TIER = "quick"
CAUSES = ()


def judge(trace: Any) -> list[Finding] | Unknown:
    """Weighted layers of each fit in the order of their calls."""
    found = []
    for fit in trace.fits:
        kernels = [layer for layer in fit.layers if any(len(shape) >= 2 for shape in layer.weights)]
        equal = next((a for a, b in pairwise(kernels) if a.equal_columns and _alike(b)), None)
        if equal is None:
            continue
        units = max(shape[-1] for shape in equal.weights)
        found.append(
            Finding(
                code="K18",
                title=TITLE,
                number=float(units),
                threshold=1.0,
                n=units,
                text=f"all {units} units of layer {equal.name} start with the same weights, and the next layer "
                "weighs them alike: they will stay equal.",
                remedy="Leave kernel_initializer at its default",
                severity="error",
                certain=True,
                place=fitting.where(fit),
                others=fitting.beside(fit),
                step=0,
                cause="Equal units get equal gradients; the layer can do no more than a single unit.",
                wrong='keras.layers.Dense(64, kernel_initializer="zeros")',
                right="keras.layers.Dense(64)",
                evidence={"layer": equal.name},
            )
        )
    return found or fitting.unseen(trace, "K18", TITLE) or []


def _alike(layer: Any) -> bool:
    """Does the next layer weigh its inputs alike? Equal columns say so of a constant kernel."""
    return bool(layer.equal_columns or layer.equal_rows)
