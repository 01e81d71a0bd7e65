"""Two linear layers with nothing between them.

What it detects

A linear layer (or convolution) whose output goes into another one of its kind with no activation in between, dropout
and flattening aside, where the layer between is no bottleneck.

Why it hurts

Two linear maps in a row are one linear map: the second layer adds weights and nothing that the first could not do. A
net of linear layers alone is linear regression, however deep.

Evidence

Exact: which layer was given the output of which, in the calls that were looked at, and the sizes.

Mend

Wrong:

    nn.Sequential(nn.Linear(8, 64), nn.Linear(64, 3))

Right:

    nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 3))

When it keeps silent

A layer between that is narrower than both ends (a factorisation, an adapter); outputs that are reshaped, added or
normalised before they go on. Where the net has activations elsewhere it is a hint only.

Source

NeuraLint; Goodfellow, Bengio and Courville 2016, section 6.1.
"""

from __future__ import annotations

from luthier.checks.chains import linear_before
from luthier.checks.wording import code, plural
from luthier.findings import Finding, Severity
from luthier.watching.facts import Layer, Model
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "M13", "nothing between two linear layers", "quick", ()
LINEAR = ("Linear", "Conv1d", "Conv2d", "Conv3d")
TRANSPARENT = ("Dropout", "Dropout1d", "Dropout2d", "Flatten", "Identity", "Unflatten")


def judge(trace: Trace) -> list[Finding]:
    """One finding a model."""
    found = []
    for model in trace.trained_models():
        layers = {x.name: x for x in model.layers}
        pairs = [(a, b) for b in model.layers if b.num_calls and (a := _before(b, layers)) and _is_idle(a, b)]
        if pairs:
            found.append(_finding(model, pairs, layers))
    return found


def _before(layer: Layer, layers: dict[str, Layer]) -> Layer | None:
    """The linear layer whose output a linear layer is given."""
    return linear_before(layer, layers, linear=LINEAR, transparent=TRANSPARENT)


def _is_idle(first: Layer, second: Layer) -> bool:
    """Whether two layers could be one: the layer between is no bottleneck, and no convolution's window is widened."""
    if (first.kind == "Linear") != (second.kind == "Linear") or first.kind != "Linear":
        return first.kind == second.kind and 1 in (
            first.options.get("kernel_size"),
            second.options.get("kernel_size"),
        )
    sizes = [first.options.get("in_features"), first.options.get("out_features"), second.options.get("out_features")]
    if not all(isinstance(s, int) for s in sizes):
        return False
    given, between, out = (int(s) for s in sizes if isinstance(s, int))
    return between >= min(given, out)


def _is_linear(model: Model, layers: dict[str, Layer]) -> bool:
    """Whether the whole net is nothing but a chain of linear layers."""
    inner = [x for x in layers.values() if x.num_calls and x.name and x.kind not in (*TRANSPARENT, "Sequential")]
    chained = [x for x in inner if _before(x, layers) is not None]
    return all(x.kind in LINEAR for x in inner) and len(chained) == len(inner) - 1 and not _own_forward(model)


def _own_forward(model: Model) -> bool:
    """Whether operations may stand in a forward of the person's own, where they are no layers."""
    return model.name != "Sequential"


def _finding(model: Model, pairs: list[tuple[Layer, Layer]], layers: dict[str, Layer]) -> Finding:
    whole = _is_linear(model, layers)
    severity: Severity = "warning" if whole else "info"
    first, second = pairs[0]
    rest = f", and {plural(len(pairs) - 1, 'other pair')}" if len(pairs) > 1 else ""
    return Finding(
        code=CODE,
        title=TITLE,
        number=float(len(pairs)),
        threshold=0.0,
        n=first.num_calls,
        text=f'{first.kind} "{first.name}" goes straight into {second.kind} "{second.name}" of {model.name}{rest}: '
        + (
            "without any activation the whole net is one linear map."
            if whole
            else "together they are one linear map."
        ),
        remedy="Put an activation between them, such as nn.ReLU(), or leave one of them out.",
        severity=severity,
        certain=whole,
        place=model.place,
        cause="The product of two matrices is a matrix: without an activation between them depth adds nothing.",
        wrong=code("nn.Sequential(nn.Linear(8, 64), nn.Linear(64, 3))"),
        right=code("nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 3))"),
        evidence={"layers": [f"{a.name} -> {b.name}" for a, b in pairs[:20]]},
    )
