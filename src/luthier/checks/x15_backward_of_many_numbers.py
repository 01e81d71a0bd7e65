"""The program ended because backward was called on more than one number.

What it detects

"grad can be implicitly created only for scalar outputs".

Why it happens

The loss has one number a row or entry: `reduction="none"`, or a hand-written loss without mean.

Mend

Wrong:

    loss = (out - y) ** 2

Right:

    loss = ((out - y) ** 2).mean()

When it keeps silent

Any other end of the program.

Source

PyTorch documentation of Tensor.backward.
"""

from __future__ import annotations

from luthier.checks.crashes import finding, matched
from luthier.checks.reading import shaped
from luthier.findings import Finding, Unknown
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "X15", "backward of many numbers", "quick", ()


def judge(trace: Trace) -> list[Finding] | Unknown:
    """The crash, if it is this one."""
    found = matched(trace, r"grad can be implicitly created only for scalar outputs")
    if found is None:
        return []
    last = trace.backwards[-1] if len(trace.backwards) else None
    shape = f" of shape {shaped(last.loss_shape)}" if last is not None and last.loss_shape else ""
    return [
        finding(
            found[0],
            CODE,
            TITLE,
            f"backward was called on a loss{shape}, which is more than one number.",
            remedy="Take the mean: loss.mean().backward(), or leave reduction at 'mean'.",
            cause="A gradient is the slope of one number.",
            wrong="loss = (out - y) ** 2\nloss.backward()",
            right="loss = ((out - y) ** 2).mean()\nloss.backward()",
        )
    ]
