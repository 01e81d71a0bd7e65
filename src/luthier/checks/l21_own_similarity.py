"""Each row is compared with itself, and its likeness to itself stands among the wrong answers.

What it detects

Cross-entropy on a square matrix of scores whose diagonal is one number, the largest of each row, while no target ever
asks for the diagonal, in every looked-at training call.

Why it hurts

The likeness of a vector with itself is the largest there is, and it is counted as a wrong answer. It cannot be
lowered, so the loss stays high and most of the probability goes where nothing can be learnt.

Evidence

Exact: the diagonal against the rows and the targets.

Mend

Wrong:

    sim = z @ z.T / tau

Right:

    sim = (z @ z.T / tau).masked_fill(torch.eye(len(z), dtype=torch.bool), float("-inf"))

When it keeps silent

Two views against each other (the diagonal is asked for); a diagonal that was masked.

Source

Chen et al. 2020, arXiv 2002.05709, equation 1 (the sum runs over k != i).
"""

from __future__ import annotations

from luthier.checks.reading import by_line, shaped
from luthier.checks.wording import plural
from luthier.findings import Finding, Unknown
from luthier.watching.calls import LossCall
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "L21", "each row is among its own rivals", "quick", ()
MIN_CALLS = 3


def judge(trace: Trace) -> list[Finding] | Unknown:
    """Looked-at training calls of cross-entropy, line by line."""
    found = []
    for _, calls in by_line(c for c in trace.losses if c.name == "cross_entropy" and c.trained_by and c.sampled):
        if len(calls) >= MIN_CALLS and all(c.own_row for c in calls):
            found.append(_finding(calls))
    return found


def _finding(calls: list[LossCall]) -> Finding:
    call = calls[0]
    return Finding(
        code=CODE,
        title=TITLE,
        n=len(calls),
        text=f"cross_entropy was given scores of shape {shaped(call.input.shape if call.input else None)} whose "
        f"diagonal is the largest number of each row and never the target, in "
        f"{plural(len(calls), 'looked-at training call')}: each row's likeness to itself counts as a wrong answer.",
        remedy="Set the diagonal to -inf before cross_entropy.",
        severity="error",
        certain=True,
        place=call.place,
        step=call.step,
        cause="No vector can be less like itself: that part of the loss cannot fall.",
        wrong="sim = z @ z.T / tau",
        right='sim = (z @ z.T / tau).masked_fill(torch.eye(len(z), dtype=torch.bool), float("-inf"))',
        evidence={"calls": len(calls)},
    )
