"""The program ended because the rows of a batch cannot be put together.

What it detects

"stack expects each tensor to be equal size" and `default_collate` errors of the loader.

Why it happens

Rows have different lengths or image sizes, or the data set returns something that is no tensor, number or array
(None, an image object).

Mend

Wrong:

    DataLoader(sentences, batch_size=8)

Right:

    DataLoader(sentences, batch_size=8, collate_fn=lambda rows: pad_sequence(rows, batch_first=True))

When it keeps silent

Any other end of the program.

Source

torch/utils/data/_utils/collate.py.
"""

from __future__ import annotations

from luthier.checks.crashes import finding, matched
from luthier.findings import Finding, Unknown
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "X18", "rows that do not stack", "quick", ()


def judge(trace: Trace) -> list[Finding] | Unknown:
    """The crash, if it is one of these."""
    found = matched(trace, r"default_collate: batch must contain tensors.*?found <class '([\w.]+)'>")
    if found is not None:
        text = f"the data set returns {found[1][1]}, which the loader cannot put into a batch."
        remedy = "Return tensors, arrays or numbers from __getitem__ (ToTensor for images), or pass a collate_fn."
    else:
        found = matched(
            trace, r"stack expects each tensor to be equal size, but got (\[[\d, ]*\]).*and (\[[\d, ]*\])"
        )
        if found is None:
            return []
        text = f"rows of shapes {found[1][1]} and {found[1][2]} cannot be stacked into one batch."
        remedy = "Pad sequences in a collate_fn (pad_sequence), or bring images to one size."
    return [
        finding(
            found[0],
            CODE,
            TITLE,
            text,
            remedy=remedy,
            cause="A batch is one tensor, so all rows must have one shape.",
            wrong="DataLoader(sentences, batch_size=8)",
            right="DataLoader(sentences, batch_size=8, collate_fn=lambda rows: pad_sequence(rows, batch_first=True))",
        )
    ]
