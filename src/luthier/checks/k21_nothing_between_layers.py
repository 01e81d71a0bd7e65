"""Two linear layers with nothing between them.

A Dense layer (or a convolution with a 1 x 1 window) without an activation, whose output goes into another one,
dropout and flattening aside, is one linear map together with it: the second adds weights and nothing that the first
could not do. Keras' layers have no activation unless they are told one.

Evidence: which layer was given the output of which on one batch, their activations, the shapes of their kernels;
exact.

Mend: name an activation.

    layers.Dense(64), layers.Dense(3)                        # wrong
    layers.Dense(64, activation="relu"), layers.Dense(3)     # right

It keeps silent where the layer between is narrower than both ends (a factorisation), and where anything is computed
with the output in between. Where the net has activations elsewhere it is a hint only.
"""

from __future__ import annotations

from typing import Any

from luthier.checks import fitting
from luthier.checks.chains import linear_before
from luthier.checks.wording import plural
from luthier.findings import Finding, Severity, Unknown
from luthier.watching.fits import Fit, Layer

TITLE = "nothing between two linear layers"
TIER = "quick"
CAUSES = ()
LINEAR = ("Dense", "Conv1D", "Conv2D", "Conv3D")
SHAPING = ("Flatten", "Identity", "InputLayer", "Reshape")
TRANSPARENT = ("Dropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "GaussianDropout", *SHAPING)


def judge(trace: Any) -> list[Finding] | Unknown:
    """Layers of each fit in the order of their calls."""
    found = [_finding(trace, fit, pairs) for fit in trace.fits if (pairs := list(_pairs(fit)))]
    return found or fitting.unseen(trace, "K21", TITLE) or []


def _pairs(fit: Fit) -> list[tuple[Layer, Layer]]:
    """Linear layers, and the ones that they follow with nothing that bends in between."""
    by_name = {layer.name: layer for layer in fit.layers}
    return [(a, b) for b in fit.layers if (a := _before(b, by_name)) and not a.activation and _is_idle(a, b)]


def _before(layer: Layer, by_name: dict[str, Layer]) -> Layer | None:
    return linear_before(layer, by_name, linear=LINEAR, transparent=TRANSPARENT)


def _is_idle(first: Layer, second: Layer) -> bool:
    """Could the two be one? The width between is no bottleneck; one of two convolutions has a window of one place."""
    kernels = [next((shape for shape in layer.weights if len(shape) >= 2), ()) for layer in (first, second)]
    if first.kind != second.kind or not all(kernels):
        return False
    given, between, out = kernels[0][-2], kernels[0][-1], kernels[1][-1]
    if first.kind == "Dense":
        return between >= min(given, out)
    return any(set(kernel[:-2]) == {1} for kernel in kernels)


def _is_linear(fit: Fit, pairs: list[tuple[Layer, Layer]]) -> bool:
    """Is the whole net a chain of linear layers? The last may have an activation: it is the answer's."""
    inner = [layer for layer in fit.layers if layer.kind not in TRANSPARENT]
    return len(pairs) == len(inner) - 1 and all(layer.kind in LINEAR for layer in inner)


def _finding(trace: Any, fit: Fit, pairs: list[tuple[Layer, Layer]]) -> Finding:
    whole = _is_linear(fit, pairs)
    severity: Severity = "warning" if whole else "info"
    first, second = pairs[0]
    rest = f", and {plural(len(pairs) - 1, 'other pair')}" if len(pairs) > 1 else ""
    so = "without any activation the whole net is one linear map" if whole else "together they are one linear map"
    built = fitting.built_at(trace.sources, fit, first)
    beside = tuple(place for place in (fitting.where(fit), *fitting.beside(fit)) if place is not None)
    return Finding(
        code="K21",
        title=TITLE,
        number=float(len(pairs)),
        threshold=0.0,
        n=len(pairs),
        text=f"{first.kind} layer {first.name} has no activation and goes straight into {second.kind} layer "
        f"{second.name}{rest}: {so}.",
        remedy='Name an activation, such as activation="relu", or leave one of them out',
        severity=severity,
        certain=whole,
        place=built or fitting.where(fit),
        others=beside if built else fitting.beside(fit),
        step=0,
        cause="The product of two matrices is a matrix: without an activation between them depth adds nothing.",
        wrong="keras.layers.Dense(64), keras.layers.Dense(3)",
        right='keras.layers.Dense(64, activation="relu"), keras.layers.Dense(3)',
        evidence={"layers": [f"{a.name} -> {b.name}" for a, b in pairs[:20]]},
    )
