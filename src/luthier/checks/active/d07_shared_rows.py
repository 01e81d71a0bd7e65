"""Training rows among the validation or test rows.

## What it detects
Validation or test rows whose inputs are, to the bit, those of a training row.

## Why it hurts
The score rewards learning by heart.

## Evidence
Their number and share, the first pair.

## Mend
Drop duplicates before the split, or split by group.

Wrong: `train, val = train_test_split(rows)`
Right: `train, val = train_test_split(rows.drop_duplicates())`

## When it keeps silent
At most one row in a thousand. Rows that hold so little (a few categories) that equal ones are no wonder.

## Source
S. Kapoor and A. Narayanan 2023, "Leakage and the reproducibility crisis in machine-learning-based science".
"""

from __future__ import annotations

import numpy as np

from luthier.checks.active import rowwise
from luthier.checks.active.exam import Exam
from luthier.findings import Finding, Unknown

TITLE = "training rows among the validation or test rows"
TIER = "quick"
CAUSES = ("D18",)
SHARE = 0.001


def judge(exam: Exam) -> list[Finding] | Unknown:
    """Are held-out rows training rows too?"""
    rows = exam.rows
    table = rowwise.finite_table(rows.inputs)
    if rowwise.bits(table) < rowwise.MIN_BITS:
        return []
    keys = rowwise.keys(table)
    found = []
    for name, held in (("validation", rows.val), ("test", rows.test)):
        shared = held[np.isin(keys[held], keys[rows.train])]
        if len(shared) > SHARE * len(held):
            found.append(_finding(name, shared, held, exam, keys))
    return found


def _finding(name: str, shared: rowwise.Array, held: rowwise.Array, exam: Exam, keys: rowwise.Array) -> Finding:
    first = int(shared[0])
    twin = int(exam.rows.train[(keys[exam.rows.train] == keys[first]).argmax()])
    return Finding(
        code="D07",
        title=f"training rows among the {name} rows",
        number=len(shared) / len(held),
        threshold=SHARE,
        n=len(held),
        text=f"{len(shared)} of {len(held)} {name} rows have the inputs of a training row (row {first} those of row "
        f"{twin}).",
        remedy="Drop duplicates before the split, or split by group.",
        severity="warning",
        certain=True,
        cause="The score rewards learning by heart.",
        wrong="train, val = train_test_split(rows)",
        right="train, val = train_test_split(rows.drop_duplicates())",
        evidence={"rows": [int(r) for r in shared[:20]]},
    )
