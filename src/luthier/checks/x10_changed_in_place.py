"""The program ended because a tensor that backward needs was changed in place.

What it detects

"modified by an inplace operation" in backward, and in-place changes of parameters outside no_grad.

Why it happens

The values of a tensor are needed for the gradient, and `+=`, `x[...] = ...`, `relu_()` or an optimizer step changed
them between the forward and the backward pass.

Mend

Wrong:

    first.backward(retain_graph=True); optimizer.step(); second.backward()

Right:

    (first + second).backward(); optimizer.step()

When it keeps silent

Any other end of the program.

Source

PyTorch documentation, "In-place correctness checks".
"""

from __future__ import annotations

import re

from luthier.checks.crashes import finding, matched
from luthier.findings import Finding, Unknown
from luthier.watching.ends import Crash
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "X10", "changed in place before backward", "quick", ()


def judge(trace: Trace) -> list[Finding] | Unknown:
    """The crash, if it is one of these."""
    found = matched(trace, r"a leaf Variable that requires grad is being used in an in-place operation")
    if found is not None:
        return [
            finding(
                found[0],
                CODE,
                "a parameter changed in place",
                "a parameter was changed in place while gradients are recorded.",
                remedy="Put the update under torch.no_grad(), or use an optimizer.",
                cause="The change itself would become part of the graph.",
                wrong="W -= lr * W.grad",
                right="with torch.no_grad():\n    W -= lr * W.grad",
            )
        ]
    found = matched(
        trace,
        r"modified by an inplace operation: \[[^\]]*\[([\d, ]*)\]\], which is output \d+ of (\w+)",
        r"modified by an inplace operation",
    )
    if found is None:
        return []
    return [_needed_later(trace, *found)]


def _needed_later(trace: Trace, crash: Crash, match: re.Match[str]) -> Finding:
    last = [b for b in trace.backwards if not b.raised]
    calls = list(trace.forwards)
    stepped = bool(last) and bool(calls) and any(s.at > calls[-1].at for s in trace.steps)
    tensor = f" (shape ({match[1]}), made by {match[2].removesuffix('Backward0')})" if match.groups() else ""
    if stepped:
        text = f"an optimizer step changed weights{tensor} between the forward pass and this backward pass."
        remedy = "Do all backward passes of a forward pass before the step, or compute the second loss after it."
        wrong, right = (
            "first.backward(retain_graph=True)\noptimizer.step()\nsecond.backward()",
            "(first + second).backward()\noptimizer.step()",
        )
    else:
        text = f"a tensor{tensor} that backward needs was changed in place after it was used."
        remedy = "Write x = x + y instead of x += y, clone() before writing into a slice, and inplace=False."
        wrong, right = "p = torch.sigmoid(x)\np += 1e-6", "p = torch.sigmoid(x)\np = p + 1e-6"
    return finding(
        crash,
        CODE,
        TITLE,
        text,
        remedy=remedy,
        wrong=wrong,
        right=right,
        cause="The gradient needs the values as they were in the forward pass.",
    )
