"""The program ended because an id is larger than the embedding table.

What it detects

"index out of range in self" of an embedding.

Why it happens

The table has `num_embeddings` rows, so ids must be 0 to num_embeddings - 1. The vocabulary is larger than the table
(special tokens, ids that count from one), or positions go beyond the longest sequence.

Mend

Wrong:

    nn.Embedding(len(vocabulary), 64)              # ids count from 1

Right:

    nn.Embedding(len(vocabulary) + 1, 64)

When it keeps silent

Any other end of the program.

Source

PyTorch documentation of nn.Embedding.
"""

from __future__ import annotations

from luthier.checks.crashes import finding, innermost, layer_words, matched
from luthier.checks.reading import num
from luthier.findings import Finding, Unknown
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "X12", "an index that the embedding lacks", "quick", ()


def judge(trace: Trace) -> list[Finding] | Unknown:
    """The crash, if it is this one."""
    found = matched(trace, r"index out of range in self")
    if found is None:
        return []
    crash = found[0]
    flight = innermost(crash)
    rows = flight.weight[0] if flight is not None and flight.weight else None
    last = trace.forwards[-1] if len(trace.forwards) else None
    high = (
        last.input.stats.high
        if last is not None and last.input is not None and last.input.stats is not None
        else None
    )
    seen = f"; the ids of the last call reach {num(high)}" if high is not None else ""
    table = f"it has {rows} rows, so ids must be 0 to {rows - 1}" if rows else "an id is larger than its table"
    return [
        finding(
            crash,
            CODE,
            TITLE,
            f"{layer_words(crash) or 'an embedding'}: {table}{seen}.",
            remedy="Build the embedding with num_embeddings of the largest id + 1, or map rare ids to one unknown "
            "id.",
            cause="An embedding looks up the row of the id's number, and there is none.",
            wrong="nn.Embedding(len(vocabulary), 64)       # ids count from 1",
            right="nn.Embedding(len(vocabulary) + 1, 64)",
        )
    ]
