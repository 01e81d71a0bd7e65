"""The last step of a recurrent net over padded rows is that of the padding.

What it detects

`out[:, -1]` of what an LSTM, GRU or RNN returned, on the way to the loss, where more than a tenth of the rows end in
the padding_idx of the embedding; without an embedding, where they end in steps that are all zeros.

Why it hurts

The state at the last place of a short row has run over its padding, many steps after its last token: what the net has
read is faded or gone.

Evidence

Exact: the autograd graph, and the tokens against the padding_idx of the embedding, or steps of zeros that stand at
the end of rows only, in rows of at least four lengths.

Mend

Wrong:

    last = out[:, -1]

Right:

    last = out[torch.arange(len(x)), lengths - 1]      # or pack_padded_sequence, and the last state

When it keeps silent

Embeddings without padding_idx; rows padded in front; packed sequences.

Source

PyTorch documentation of pack_padded_sequence.
"""

from __future__ import annotations

import math

from luthier.checks.reading import graph_signs
from luthier.checks.wording import made_at, percent, plural
from luthier.findings import Finding, Place, Unknown
from luthier.watching.steps import GraphSign
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "M24", "the last step is padding", "quick", ()
MIN_PASSES, MIN_SHARE = 3, 0.1


def judge(trace: Trace) -> list[Finding] | Unknown:
    """Graphs of losses, by the line of their backward pass."""
    found = []
    for _, signs in graph_signs(trace, "last step"):
        shares = [s.share for s in signs if math.isfinite(s.share)]
        share = sum(shares) / len(shares) if shares else 0.0
        if len(shares) >= MIN_PASSES and len(shares) == len(signs) and share > MIN_SHARE:
            found.append(_finding(signs, share, made_at(trace.sources, signs[0].layer)))
    return found


def _finding(signs: list[GraphSign], share: float, made: Place | None) -> Finding:
    return Finding(
        code=CODE,
        title=TITLE,
        number=share,
        threshold=MIN_SHARE,
        n=len(signs),
        text=f"the loss uses the last step of {signs[0].layer}, and {percent(share)} of the rows end in padding "
        f"there ({plural(len(signs), 'looked-at backward pass')}).",
        remedy="Take the step of each row's last token, or pack the rows and take the last state.",
        severity="warning",
        certain=True,
        place=made or signs[0].place,
        others=(signs[0].place,) if made and signs[0].place else (),
        step=signs[0].step,
        cause="What was read of a short row has faded over the steps of its padding.",
        wrong="last = out[:, -1]",
        right="last = out[torch.arange(len(x)), lengths - 1]",
        evidence={"share": share},
    )
