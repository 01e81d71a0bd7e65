"""The program ended because a layer was given another number of axes, or an image too small for it.

What it detects

"Expected 3D or 4D input", "expected 4D input (got 2D input)", a kernel larger than the image, an image pooled away.

Why it happens

Convolutions and image normalisation want (batch, channels, height, width), tables are (batch, columns). Each pooling
halves the image; after a few nothing is left.

Mend

Wrong:

    nn.Conv2d(1, 4, 3)(x)                          # x: (batch, 64)

Right:

    nn.Conv2d(1, 4, 3)(x.view(-1, 1, 8, 8))

When it keeps silent

Any other end of the program.

Source

torch/nn/functional.py and torch/nn/modules/batchnorm.py (checks of dimensions).
"""

from __future__ import annotations

from luthier.checks.crashes import finding, layer_words, matched
from luthier.findings import Finding, Unknown
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "X06", "a layer of other axes", "quick", ()
AXES = (
    r"Expected .*\((?:un)?batched\).* to conv",
    r"expected \d+D(?: or \d+D)? input \(got \d+D input\)",
    r"Expected input to be \d+D(?: or \d+D)?, got \d+D",
    r"expected input to be \d+-D",
)
SMALL = (r"Kernel size can't be greater than actual input size", r"Output size is too small")


def judge(trace: Trace) -> list[Finding] | Unknown:
    """The crash, if it is one of these."""
    found = matched(trace, *AXES)
    if found is not None:
        crash = found[0]
        return [
            finding(
                crash,
                CODE,
                TITLE,
                f"{layer_words(crash) or 'a layer'}: {crash.message.splitlines()[0].rstrip('.')}.",
                remedy="Bring the input to (batch, channels, height, width) by view or unsqueeze, or use the layer "
                "for tables (Linear, BatchNorm1d).",
                cause="Layers for images and sequences need their axes in a fixed order and number.",
                wrong="nn.Conv2d(1, 4, 3)(x)                    # x: (batch, 64)",
                right="nn.Conv2d(1, 4, 3)(x.view(-1, 1, 8, 8))",
            )
        ]
    found = matched(trace, *SMALL)
    if found is None:
        return []
    crash = found[0]
    return [
        finding(
            crash,
            CODE,
            "an image too small for the layer",
            f"{layer_words(crash) or 'a layer'}: {crash.message.splitlines()[0].rstrip('.')}.",
            remedy="Use fewer poolings or strides, a smaller kernel, padding, or larger images.",
            cause="Each convolution and pooling makes the image smaller, until nothing is left for the next one.",
            wrong="nn.MaxPool2d(4), nn.MaxPool2d(4)         # images of 8 x 8",
            right="nn.MaxPool2d(2), nn.MaxPool2d(2)",
        )
    ]
