"""The program ended because a layer was given another width than it was built for.

What it detects

Matrix products, convolutions, normalisation, recurrent and attention layers whose input has another number of
features or channels than their weights.

Why it happens

The layer before gives another width; the size after convolutions and pooling was counted wrongly; flatten was
forgotten; images are (batch, height, width, channels) where torch wants channels first.

Mend

Wrong:

    nn.Conv2d(1, 4, 3), nn.Flatten(), nn.Linear(100, 3)        # the images give 144

Right:

    nn.Conv2d(1, 4, 3), nn.Flatten(), nn.Linear(144, 3)        # or nn.LazyLinear(3)

When it keeps silent

Any other end of the program.

Source

torch's messages "mat1 and mat2 shapes cannot be multiplied", "expected input ... to have n channels".
"""

from __future__ import annotations

import re

from luthier.checks.crashes import finding, innermost, layer_words, matched
from luthier.checks.reading import shaped
from luthier.findings import Finding, Unknown
from luthier.watching.ends import Crash
from luthier.watching.facts import Shape
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "X05", "a layer of another width", "quick", ()
PATTERNS = (
    r"mat1 and mat2 shapes cannot be multiplied \((\d+)x(\d+) and (\d+)x(\d+)\)",
    r"Given groups=\d+, weight of size \[[\d, ]+\], expected input\[[\d, ]+\] to have (\d+) channels, but got (\d+)",
    r"running_mean should contain (\d+) elements not (\d+)",
    r"Given normalized_shape=\[([\d, ]+)\], expected input with shape .* but got input of size\[([\d, ]+)\]",
    r"input\.size\(-1\) must be equal to input_size\. Expected (\d+), got (\d+)",
    r"was expecting embedding dimension of (\d+), but got (\d+)",
    r"input has inconsistent input_size: got (\d+),? expected (\d+)",
)


def judge(trace: Trace) -> list[Finding] | Unknown:
    """The crash, if it is one of these."""
    found = matched(trace, *PATTERNS)
    if found is None:
        return []
    crash, match = found
    flight = innermost(crash)
    given = flight.inputs[0] if flight is not None and flight.inputs else ()
    words = layer_words(crash) or "a matrix product"
    if match.re.pattern == PATTERNS[0]:
        detail = f"its input has {match[2]} features, its weights take {match[3]}"
    elif match.re.pattern == PATTERNS[2]:
        detail = f"it was built for {_built(crash, match[1])} features, its input has {_other(crash, match)}"
    elif match.re.pattern == PATTERNS[6]:
        detail = f"it was built for {match[2]} features, its input has {match[1]}"
    else:
        detail = f"it was built for {match[1]}, its input has {match[2]}"
    return [_finding(crash, words, detail, given, match)]


def _built(crash: Crash, first: str) -> str:
    flight = innermost(crash)
    return str(flight.weight[0]) if flight is not None and flight.weight else first


def _other(crash: Crash, match: re.Match[str]) -> str:
    return match[2] if _built(crash, match[1]) == match[1] else match[1]


def _finding(crash: Crash, words: str, detail: str, given: Shape, match: re.Match[str]) -> Finding:
    kind = crash.modules[-1].kind if crash.modules else ""
    remedy = "Build the layer for the width that the layer before gives."
    wrong, right = "nn.Linear(8, 32), nn.Linear(16, 3)", "nn.Linear(8, 32), nn.Linear(32, 3)"
    if kind == "Linear" and len(given) >= 3 and _size(given[1:]) == _in_features(crash):
        remedy = f"Flatten the images first: nn.Flatten() makes {shaped(given)} to (batch, {_size(given[1:])})."
        wrong, right = "nn.Conv2d(1, 4, 3), nn.Linear(144, 3)", "nn.Conv2d(1, 4, 3), nn.Flatten(), nn.Linear(144, 3)"
    elif kind == "Linear" and len(given) == 4:
        remedy = f"Flatten first and build the layer for {_size(given[1:])} inputs."
        right = f"nn.Flatten(), nn.Linear({_size(given[1:])}, ...)"
    elif kind == "Linear":
        remedy = f"Build the layer with in_features={match[2]}."
        right = f"nn.Linear({match[2]}, ...)"
    elif kind.startswith("Conv") and len(given) == 4 and str(given[-1]) == match[1]:
        remedy = f"Channels come last in {shaped(given)}: bring them to axis 1 by x.permute(0, 3, 1, 2)."
        wrong, right = (
            "model(images)                        # (batch, height, width, channels)",
            "model(images.permute(0, 3, 1, 2))",
        )
    elif kind.startswith("Conv"):
        remedy = f"Build the layer with in_channels={match[2]}, or give it images of {match[1]} channels."
        wrong, right = f"nn.Conv2d({match[1]}, 32, 3)", f"nn.Conv2d({match[2]}, 32, 3)"
    return finding(
        crash,
        CODE,
        TITLE,
        f"{words}: {detail}.",
        remedy=remedy,
        cause="The weights of a layer have a fixed number of inputs, set when it is built.",
        wrong=wrong,
        right=right,
        evidence={"layer": words},
    )


def _size(shape: Shape) -> int:
    size = 1
    for axis in shape:
        size *= axis
    return size


def _in_features(crash: Crash) -> int:
    flight = innermost(crash)
    return flight.weight[1] if flight is not None and flight.weight is not None and len(flight.weight) == 2 else -1
