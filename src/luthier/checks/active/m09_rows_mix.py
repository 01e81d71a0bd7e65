"""The rows of a batch are mixed.

## What it detects
Eight rows are put beside two different sets of neighbours, in evaluation mode. Where the output of a row changes by
more than a thousandth of the spread of all outputs, the model lets rows of a batch see each other.

## Why it hurts
The score of a row then depends on what happens to stand beside it, training learns from neighbours, and predictions
of single rows are not those that were measured.

## Evidence
How many rows moved, and by how much.

## Mend
An axis is taken for another one: `view` where `permute` is meant, a softmax or a norm over axis 0, an LSTM without
`batch_first=True`, statistics of the batch in evaluation mode.

Wrong: `nn.GRU(features, width)(x)  # x is [batch, time, features]`
Right: `nn.GRU(features, width, batch_first=True)(x)`

## When it keeps silent
BatchNorm mixes rows in training mode only, which is meant.

## Source
Lightning issue 1237 asks for it; its callback fails with BatchNorm (bolts issue 1077), which evaluation mode avoids.
"""

from __future__ import annotations

from luthier.checks.active.exam import Exam, Mixing
from luthier.findings import Finding, Unknown

TITLE = "rows of a batch are mixed"
TIER = "quick"
CAUSES = ("N01",)


def judge(exam: Exam) -> list[Finding] | Unknown:
    """Did an output change with the neighbours?"""
    mixing = exam.mixing
    if mixing is None:
        return exam.unknown("M09", TITLE, "mixing")
    if not mixing.num_moved:
        return []
    return [
        Finding(
            code="M09",
            title=TITLE,
            number=mixing.moved,
            threshold=Mixing.TOLERANCE,
            n=mixing.num,
            text=f"{mixing.num_moved} of {mixing.num} rows got another output when the {mixing.width - 1} other rows "
            f"of the batch were changed, by up to {mixing.moved:.3g} of the spread of the outputs, in evaluation "
            "mode.",
            remedy="Look for an axis that is taken for another: view for permute, a softmax or norm over axis 0, "
            "a missing batch_first=True.",
            severity="error",
            certain=True,
            place=exam.place,
            cause="What is predicted for a row depends on the rows that happen to stand beside it.",
            wrong="nn.GRU(features, width)(x)  # x is [batch, time, features]",
            right="nn.GRU(features, width, batch_first=True)(x)",
        )
    ]
