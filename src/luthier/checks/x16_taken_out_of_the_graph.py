"""The program ended because a tensor of the graph was handed to numpy or copied.

What it detects

"Can't call numpy() on Tensor that requires grad", and deepcopy of a tensor that is no leaf.

Why it happens

numpy knows no gradients, so torch asks to take the tensor out of the graph first.

Mend

Wrong:

    predictions = model(x).numpy()

Right:

    with torch.no_grad():
        predictions = model(x).cpu().numpy()

When it keeps silent

Any other end of the program.

Source

PyTorch documentation of Tensor.numpy.
"""

from __future__ import annotations

from luthier.checks.crashes import finding, matched
from luthier.findings import Finding, Unknown
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "X16", "a tensor of the graph taken out", "quick", ()
PATTERNS = (
    r"Can't call numpy\(\) on Tensor that requires grad",
    r"support the deepcopy protocol",
    r"can't convert (\S+) device type tensor to numpy",
)


def judge(trace: Trace) -> list[Finding] | Unknown:
    """The crash, if it is one of these."""
    found = matched(trace, *PATTERNS)
    if found is None:
        return []
    crash, match = found
    copied = match.re.pattern == PATTERNS[1]
    return [
        finding(
            crash,
            CODE,
            TITLE,
            "deepcopy was given a tensor (or an object that holds one) that is part of a graph."
            if copied
            else "numpy was asked for a tensor that "
            + (f"lies on {match[1]}." if match.groups() else "carries a graph."),
            remedy="Detach it first: x.detach().clone()."
            if copied
            else "Use .detach().cpu().numpy(), or predict under torch.no_grad().",
            cause="numpy and copies know nothing of gradients.",
            wrong="best = copy.deepcopy(output)" if copied else "predictions = model(x).numpy()",
            right="best = output.detach().clone()"
            if copied
            else "with torch.no_grad():\n    predictions = model(x).cpu().numpy()",
        )
    ]
