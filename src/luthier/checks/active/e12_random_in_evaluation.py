"""Random numbers are drawn in evaluation mode.

## What it detects
Two copies of one row in one batch get different outputs in evaluation mode, while the neighbours of a row change
nothing.

## Why it hurts
Scores have noise that is not the data's, and the trained model answers the same question differently each time.

## Evidence
How many rows differ from their copy, and by how much.

## Mend
Wrong: `x = F.dropout(x, 0.5)  # always on`
Right: `x = F.dropout(x, 0.5, self.training)`

## When it keeps silent
Differences below a thousandth of the spread of the outputs, which other summation orders give. Dropout that is kept
on deliberately (Monte Carlo dropout) looks the same: ignore the code there.

## Source
torch.nn.functional.dropout has `training=True` as its default.
"""

from __future__ import annotations

from luthier.checks.active.exam import Exam, Mixing
from luthier.findings import Finding, Unknown

TITLE = "random numbers in evaluation mode"
TIER = "quick"
CAUSES = ("M09", "N01")


def judge(exam: Exam) -> list[Finding] | Unknown:
    """Do copies of a row get different outputs?"""
    mixing = exam.mixing
    if mixing is None:
        return exam.unknown("E12", TITLE, "mixing")
    if not mixing.num_twins:
        return []
    return [
        Finding(
            code="E12",
            title=TITLE,
            number=mixing.twins,
            threshold=Mixing.TOLERANCE,
            n=mixing.num,
            text=f"{mixing.num_twins} of {mixing.num} rows got another output than a copy of theirs in the same "
            f"batch, by up to {mixing.twins:.3g} of the spread of the outputs, in evaluation mode.",
            remedy="Let functional dropout and noise depend on the mode: F.dropout(x, p, self.training).",
            severity="warning",
            certain=True,
            place=exam.place,
            cause="The same row is answered differently each time, so scores hold noise that is not the data's.",
            wrong="x = F.dropout(x, 0.5)",
            right="x = F.dropout(x, 0.5, self.training)",
        )
    ]
