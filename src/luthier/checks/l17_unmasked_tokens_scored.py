"""Masked tokens are to be found, but the loss counts the tokens that were not masked as well.

What it detects

Targets of cross-entropy that differ from the tokens of the embedding at some places only, where most of these hold
one and the same token that is never asked for (the mask), while no other place is left out of the loss.

Why it hurts

Most of the loss is about tokens that stand in the input. It falls fast, since copying is easy, and little of the
gradient is about the places that are to be learnt.

Evidence

Exact: token numbers of the target against those of the embedding.

Mend

Wrong:

    labels = ids.clone()

Right:

    labels = ids.clone();  labels[~masked] = -100     # ignored by cross_entropy

When it keeps silent

Some targets are ignored that are not padding; nothing that looks like a mask token; targets of other kinds.

Source

Devlin et al. 2019, arXiv 1810.04805, section 3.1 (only the masked words are predicted).
"""

from __future__ import annotations

from luthier.checks.reading import by_line
from luthier.checks.wording import percent
from luthier.findings import Finding, Unknown
from luthier.watching.calls import LossCall, TokenMatch
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "L17", "tokens that were not masked are scored", "quick", ()
MIN_CALLS, MIN_TOKENS = 3, 200
MIN_SAME, MIN_STAND_IN = 0.5, 0.7
MAX_IGNORED = 0.02


def judge(trace: Trace) -> list[Finding] | Unknown:
    """Looked-at training calls whose target was held against tokens, line by line."""
    found = []
    for _, calls in by_line(c for c in trace.losses if c.tokens and c.trained_by):
        matches = [c.tokens for c in calls if c.tokens]
        n = sum(m.n for m in matches)
        one = len({m.stand_in for m in matches}) == 1
        if len(calls) >= MIN_CALLS and n >= MIN_TOKENS and one and all(map(_masks_without_leaving_out, matches)):
            found.append(_finding(calls[0], matches, n))
    return found


def _masks_without_leaving_out(match: TokenMatch) -> bool:
    ignored = match.num_ignored / (match.n + match.num_ignored)
    return (
        MIN_SAME <= match.share < 1.0
        and match.stand_in_share >= MIN_STAND_IN
        and not match.asked
        and ignored <= MAX_IGNORED
    )


def _finding(call: LossCall, matches: list[TokenMatch], n: int) -> Finding:
    share = sum(m.share * m.n for m in matches) / n
    token = matches[0].stand_in
    return Finding(
        code=CODE,
        title=TITLE,
        number=share,
        threshold=MIN_SAME,
        n=n,
        text=f"{percent(share)} of {n} scored tokens stand in the input at their place; where they do not, the input "
        f"mostly holds token {token}, which is never asked for: the loss counts what was not masked.",
        remedy="Set the labels of all places that were not masked, padding included, to -100.",
        severity="warning",
        certain=True,
        place=call.place,
        step=call.step,
        cause="Copying is easy: the loss falls fast and says little about the masked places.",
        wrong="labels = ids.clone()",
        right="labels = ids.clone()\nlabels[~masked] = -100",
        evidence={"mask": token, "tokens": n},
    )
