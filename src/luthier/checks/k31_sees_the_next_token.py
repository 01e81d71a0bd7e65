"""A model that is to say the next token looks at it.

Attention without a causal mask, or a convolution that is not causal, lets each position see the tokens behind it, and
the next one is its target. The loss falls far below what is possible, and the text that is generated is poor.

Evidence: the target is the input shifted by one; another last token changes the outputs at positions before it, by
more than a thousandth of their spread, with the weights of the beginning; exact.

Mend: hide what comes later.

    MultiHeadAttention(4, 16)(x, x)                              # wrong
    MultiHeadAttention(4, 16)(x, x, use_causal_mask=True)        # right

It keeps silent where the target is not the input shifted by one, and where the model cannot be called on a batch.
"""

from __future__ import annotations

from typing import Any

from luthier.checks.reading import num
from luthier.findings import Finding, Unknown
from luthier.watching.fits import Fit

TITLE = "the next token is seen"
TIER = "quick"
CAUSES = ()
CHANGE = 1e-3


def judge(trace: Any) -> list[Finding] | Unknown:
    """Fits of a sequence on itself, shifted by one."""
    return [_finding(fit) for fit in trace.fits if fit.ahead > CHANGE]


def _finding(fit: Fit) -> Finding:
    return Finding(
        code="K31",
        title=TITLE,
        number=fit.ahead,
        threshold=CHANGE,
        n=1,
        text="the target is the input shifted by one, and another last token changes what "
        f"{fit.model} says before it (by {num(fit.ahead)} of the spread of its outputs): it sees what it is to say.",
        remedy="Call attention with use_causal_mask=True, and pad convolutions with padding='causal'",
        severity="error",
        certain=True,
        place=fit.place,
        cause="The answer stands in the input: nothing is learned that works when it is not there.",
        wrong="MultiHeadAttention(4, 16)(x, x)",
        right="MultiHeadAttention(4, 16)(x, x, use_causal_mask=True)",
    )
