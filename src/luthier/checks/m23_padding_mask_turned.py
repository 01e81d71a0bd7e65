"""The padding mask hides the words and shows the padding.

What it detects

A key_padding_mask of an attention that is true exactly where the tokens of the embedding are no padding, in every
looked-at call.

Why it hurts

PyTorch's attention leaves out where the mask is true; other libraries mark what is to be kept. Turned round, the net
sees nothing but padding; a sequence without padding gives NaN.

Evidence

Exact: the mask against the tokens and the padding_idx of the embedding; where it has none, against the token that
fills up rows of at least four lengths at their end and stands nowhere else.

Mend

Wrong:

    h = encoder(x, src_key_padding_mask=(ids != 0))

Right:

    h = encoder(x, src_key_padding_mask=(ids == 0))

When it keeps silent

Padding that does not stand at the end; masks that hide a part only.

Source

PyTorch documentation of nn.MultiheadAttention (key_padding_mask).
"""

from __future__ import annotations

from luthier.checks.reading import by_line
from luthier.checks.wording import plural
from luthier.findings import Finding, Unknown
from luthier.watching.calls import PaddingMask
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "M23", "the padding mask is turned round", "quick", ()
MIN_CALLS, MIN_TOKENS = 2, 50


def judge(trace: Trace) -> list[Finding] | Unknown:
    """Masks that were held against tokens, line by line."""
    found = []
    for _, masks in by_line(trace.masks):
        real, padding = sum(m.num_real for m in masks), sum(m.num_padding for m in masks)
        turned = all(m.real_hidden == m.num_real and not m.padding_hidden for m in masks)
        if len(masks) >= MIN_CALLS and real >= MIN_TOKENS and padding >= MIN_CALLS and turned:
            found.append(_finding(masks, real, padding))
    return found


def _finding(masks: list[PaddingMask], real: int, padding: int) -> Finding:
    return Finding(
        code=CODE,
        title=TITLE,
        n=real + padding,
        text=f"key_padding_mask hides all {real} tokens and shows all {padding} places of padding in "
        f"{plural(len(masks), 'looked-at call')}: it must be true where nothing is to be seen.",
        remedy="Turn the mask round: key_padding_mask=(ids == padding_idx).",
        severity="error",
        certain=True,
        place=masks[0].place,
        step=masks[0].step,
        cause="The attention sees padding only; rows without padding become NaN.",
        wrong="h = encoder(x, src_key_padding_mask=(ids != 0))",
        right="h = encoder(x, src_key_padding_mask=(ids == 0))",
        evidence={"tokens": real, "padding": padding},
    )
