"""The program ended because a layer was given another type of number than its weights have.

What it detects

"mat1 and mat2 must have the same dtype", "Input type ... and bias type ... should be the same", floating numbers into
an embedding.

Why it happens

numpy makes float64, images are uint8, labels int64; the weights are float32 (or half precision, without autocast).
An embedding looks rows up by number and wants integers.

Mend

Wrong:

    X = torch.from_numpy(table)                    # float64

Right:

    X = torch.from_numpy(table).float()            # float32

When it keeps silent

Any other end of the program.

Source

PyTorch documentation, "Type promotion" (layers do not promote).
"""

from __future__ import annotations

from luthier.checks.crashes import finding, layer_words, matched
from luthier.findings import Finding, Unknown
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "X07", "an input of the wrong type", "quick", ()
PATTERNS = (
    r"mat1 and mat2 must have the same dtype, but got (\w+) and (\w+)",
    r"expected m1 and m2 to have the same dtype, but got: (\w+) != (\w+)",
    r"Input type \(([^)]+)\) and (?:bias|weight) type \(([^)]+)\) should be the same",
    r"expected scalar type (\w+) but found (\w+)",
)
INDICES = r"Expected tensor for argument #1 'indices' to have one of the following scalar types"


def judge(trace: Trace) -> list[Finding] | Unknown:
    """The crash, if it is one of these."""
    found = matched(trace, INDICES)
    if found is not None:
        return [
            finding(
                found[0],
                CODE,
                TITLE,
                f"{layer_words(found[0]) or 'an embedding'}: it looks rows up by number, and the input is floating.",
                remedy="Convert the ids: `.long()`. Floating columns belong into a linear layer.",
                cause="A row number must be whole.",
                wrong="self.embedding(x.float())",
                right="self.embedding(x.long())",
            )
        ]
    found = matched(trace, *PATTERNS)
    if found is None or (found[0].loss is not None and "Long" in found[0].message):
        return []
    crash, match = found
    if any(kind in crash.message for kind in ("cuda.FloatTensor", "CUDAFloatType")):
        return []  # the devices differ, not the types
    return [
        finding(
            crash,
            CODE,
            TITLE,
            f"{layer_words(crash) or 'an operation'}: the input is {match[1].lower()}, the weights are "
            f"{match[2].lower()}.",
            remedy="Convert the input to the type of the weights: `.float()` (numpy makes float64, images are "
            "bytes); in half precision use torch.autocast.",
            cause="Layers do not convert their input.",
            wrong="X = torch.from_numpy(table)",
            right="X = torch.from_numpy(table).float()",
        )
    ]
