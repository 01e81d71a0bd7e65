"""A bias right in front of batch normalisation.

What it detects

A convolution or linear layer with a bias whose output goes unchanged into a batch normalisation.

Why it hurts

It does not hurt, it is only useless: the normalisation subtracts the mean and the bias with it. The bias costs
memory, an entry in the optimizer and a reduction in each backward pass.

Evidence

Exact: the order of the layers in the calls that were looked at, and their settings.

Mend

Wrong:

    nn.Conv2d(3, 64, 3), nn.BatchNorm2d(64)

Right:

    nn.Conv2d(3, 64, 3, bias=False), nn.BatchNorm2d(64)

When it keeps silent

An activation in between; normalisation without statistics of the batch; layers without bias.

Source

PyTorch's performance tuning guide ("disable bias for convolutions directly followed by a batch norm").
"""

from __future__ import annotations

from luthier.checks.wording import code, few, plural
from luthier.findings import Finding
from luthier.watching.facts import Layer, Model
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "M12", "a bias that normalisation removes", "quick", ()
BIASED = ("Conv1d", "Conv2d", "Conv3d", "Linear", "ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d")


def judge(trace: Trace) -> list[Finding]:
    """One hint a model."""
    found = []
    for model in trace.trained_models():
        layers = {x.name: x for x in model.layers}
        useless = [b for x in model.layers if _normalises(x) and (b := layers.get(x.follows)) and _biased(b)]
        if useless:
            found.append(_finding(model, useless))
    return found


def _normalises(layer: Layer) -> bool:
    return layer.kind.startswith("BatchNorm") and bool(layer.follows)


def _biased(layer: Layer) -> bool:
    return layer.kind in BIASED and layer.options.get("bias") is True


def _finding(model: Model, layers: list[Layer]) -> Finding:
    return Finding(
        code=CODE,
        title=TITLE,
        number=float(len(layers)),
        threshold=0.0,
        n=len(layers),
        text=f"batch normalisation subtracts the bias of {plural(len(layers), 'layer')} of {model.name} "
        f"({few(x.name for x in layers)}) again.",
        remedy="Make them with bias=False.",
        severity="info",
        certain=True,
        place=model.place,
        cause="Batch normalisation subtracts the mean over the batch, and a bias is part of that mean.",
        wrong=code("nn.Conv2d(3, 64, 3), nn.BatchNorm2d(64)"),
        right=code("nn.Conv2d(3, 64, 3, bias=False), nn.BatchNorm2d(64)"),
        evidence={"layers": [x.name for x in layers[:50]]},
    )
