"""Rows that occur more than once.

## What it detects
Rows whose inputs are equal, to the bit, to an earlier row's. Copies with another target are told apart.

## Why it hurts
A split at random puts copies on both sides. Copies with different targets cannot both be learned.

## Evidence
Their number and share, how many contradict each other, the first pair.

## Mend
Wrong: `table = pl.read_csv("rows.csv")`
Right: `table = pl.read_csv("rows.csv").unique(maintain_order=True)`

## When it keeps silent
At most one row in a thousand. Rows that hold so little that equal ones are no wonder. Where validation or test rows
were given, copies across the parts: they are D07.

## Source
Barz and Denzler 2020, "Do We Train on Test Data? Purging CIFAR of Near-Duplicates".
"""

from __future__ import annotations

import numpy as np

from luthier.checks.active import rowwise
from luthier.checks.active.exam import Exam
from luthier.findings import Finding, Unknown

TITLE = "rows that occur more than once"
TIER = "quick"
CAUSES = ()
SHARE = 0.001


def judge(exam: Exam) -> list[Finding] | Unknown:
    """Are rows equal to earlier ones?"""
    table = rowwise.finite_table(exam.rows.inputs)
    if rowwise.bits(table) < rowwise.MIN_BITS:
        return []
    _, alike = np.unique(rowwise.keys(table), return_inverse=True)
    _, first, group = np.unique(3 * alike + _parts(exam), return_index=True, return_inverse=True)
    original = first[group]
    copies = np.flatnonzero(original != np.arange(len(table)))
    if len(copies) <= SHARE * len(table):
        return []
    targets = exam.rows.targets.reshape(len(table), -1)
    against = int((targets[copies] != targets[original[copies]]).any(1).sum())
    a = int(copies[0])
    return [
        Finding(
            code="D18",
            title=TITLE,
            number=len(copies) / len(table),
            threshold=SHARE,
            n=len(table),
            text=f"{len(copies)} of {len(table)} rows have the inputs of an earlier row (row {a} those of row "
            f"{int(original[a])}); {against} of them have another target.",
            remedy="Drop the copies before the split; look at those with another target by eye.",
            severity="warning",
            certain=True,
            cause="A split at random puts copies on both sides, and contradictory ones cannot be learned.",
            wrong='table = pl.read_csv("rows.csv")',
            right='table = pl.read_csv("rows.csv").unique(maintain_order=True)',
            evidence={"rows": [int(r) for r in copies[:20]], "contradictory": against},
        )
    ]


def _parts(exam: Exam) -> rowwise.Array:
    """0, or where the parts were given 1 for a validation row and 2 for a test row, int [n]."""
    rows = exam.rows
    parts = np.zeros(len(rows.inputs), np.int64)
    if rows.given:
        parts[rows.val], parts[rows.test] = 1, 2
    return parts
