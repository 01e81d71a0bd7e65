"""The program ended because tensors lie on different devices.

What it detects

"Expected all tensors to be on the same device", and the like.

Why it happens

The model was moved to the GPU and a batch, a label or a tensor made in `forward` was not; or the other way round.

Mend

Wrong:

    model.to(device);  loss = loss_fn(model(x), y)

Right:

    model.to(device);  loss = loss_fn(model(x.to(device)), y.to(device))

When it keeps silent

Any other end of the program.

Source

PyTorch documentation, "CUDA semantics".
"""

from __future__ import annotations

from luthier.checks.crashes import finding, innermost, layer_words, matched
from luthier.findings import Finding, Unknown
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "X11", "tensors on two devices", "quick", ()
PATTERNS = (
    r"Expected all tensors to be on the same device.*?(cuda:\d+|cpu|mps:\d+|meta).*?(cuda:\d+|cpu|mps:\d+|meta)",
    r"Tensor on device (\S+) is not on the expected device (\S+?)!",
    r"Input type \((torch\.[\w.]*FloatTensor)\) and weight type \((torch\.[\w.]*FloatTensor)\) should be the same",
    r"Expected all tensors to be on the same device",
    r"indices should be either on cpu or on the same device",
)


def judge(trace: Trace) -> list[Finding] | Unknown:
    """The crash, if it is one of these."""
    found = matched(trace, *PATTERNS)
    if found is None:
        return []
    crash, match = found
    flight = innermost(crash)
    devices = f"{match[1]} and {match[2]}" if len(match.groups()) == 2 else "two devices"
    where = layer_words(crash) or ("the loss" if crash.loss is not None else "an operation")
    inner = flight is None or flight.weight is None
    return [
        finding(
            crash,
            CODE,
            TITLE,
            f"{where}: tensors lie on {devices}.",
            remedy="Make new tensors on the device of the input (device=x.device) or register them as buffers, and "
            "move batches with "
            ".to(device)."
            if inner
            else "Move model and batch to one device: model.to(device), x.to(device).",
            cause="An operation works on one device; torch does not copy between them by itself.",
            wrong="loss = loss_fn(model(x), y)",
            right="x, y = x.to(device), y.to(device)\nloss = loss_fn(model(x), y)",
        )
    ]
