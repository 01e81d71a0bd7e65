"""Labels that contradict all their neighbours.

## What it detects
In a set whose classes lie apart, rows deep inside another class: at most 2 of 10 nearest neighbours share their
label. It is reported where they are more than 2 % and more than three times as many as the rows with 3 or 4 such
neighbours: wrong labels make two heaps with a valley between them, overlapping classes make none.

## Why it hurts
Wrong labels cost accuracy, most of all in the validation rows, where they put a ceiling on every score.

## Evidence
The share of such rows and the first of them. No row is its own neighbour, so no label vouches for itself.

## Mend
Look at the rows by eye; correct or drop them.

## When it keeps silent
Classes of which fewer than 70 % of the rows are found by their neighbours (they overlap, or distance means nothing
here): where classes overlap, unlike neighbours are no sign of wrong labels.

## Source
D. Wilson 1972, edited nearest neighbours; Northcutt, Jiang, Chuang 2021, "Confident learning", on off-sample
judgement."""

from __future__ import annotations

import numpy as np

from luthier.checks.active.bench import draw, standardised
from luthier.checks.active.exam import Array, Exam
from luthier.findings import Finding, Unknown

TITLE = "labels that contradict their neighbours"
TIER = "full"
CAUSES = ("D12", "D18")
NEIGHBOURS, MOST_ROWS, SHARE, MIN_FOUND, MIN_ROWS = 10, 3000, 0.02, 10, 200


def judge(exam: Exam) -> list[Finding] | Unknown:
    """Are there rows deep inside another class?"""
    rows = exam.rows
    if not rows.classes:
        return []
    chosen = draw(np.arange(len(rows.targets)), MOST_ROWS, 13)
    if len(chosen) < MIN_ROWS:
        return Unknown(code="D19", title=TITLE, reason=f"{len(chosen)} rows", needs=f"{MIN_ROWS} rows")
    table = standardised(rows.prepared.reshape(len(rows.prepared), -1), rows.train)[chosen]
    labels = rows.targets[chosen]
    if not np.isfinite(table).all():
        return exam.unknown("D19", TITLE, "finite inputs")
    alike, recall = _agreement(table, labels, rows.num_outputs)
    clear = recall[labels] >= 0.7
    if not clear.any():
        return Unknown(code="D19", title=TITLE, reason="neighbours do not tell the classes apart", needs="")
    against = clear & (alike < 0.25)
    between = int((clear & (alike > 0.25) & (alike < 0.45)).sum())
    share = float(against.sum() / clear.sum())
    if against.sum() < MIN_FOUND or share < SHARE or against.sum() <= 3 * between:
        return []
    return [
        Finding(
            code="D19",
            title=TITLE,
            number=share,
            threshold=SHARE,
            n=int(clear.sum()),
            text=f"{int(against.sum())} of {int(clear.sum())} rows ({100 * share:.1f} %) lie deep inside another "
            f"class: at most 2 of their {NEIGHBOURS} nearest neighbours share their label; only {between} have 3 or "
            f"4 such neighbours. The first is row {int(chosen[against][0])}.",
            remedy="Look at these rows by eye; correct their labels or drop them.",
            severity="warning",
            cause="Wrong labels cost accuracy, and put a ceiling on every validation score.",
            evidence={"rows": [int(r) for r in chosen[against][:50]]},
        )
    ]


def _agreement(table: Array, labels: Array, num_classes: int) -> tuple[Array, Array]:
    """(share of neighbours with the row's own label [n], share of each class's rows that the majority of their
    neighbours names rightly [K])."""
    from sklearn.neighbors import NearestNeighbors

    near = NearestNeighbors(n_neighbors=NEIGHBOURS + 1).fit(table).kneighbors(table, return_distance=False)
    own = np.arange(len(table))[:, None]
    # a row is its own nearest neighbour unless copies push it out: it is taken off wherever it stands, else the last
    others = np.stack([row[row != i][:NEIGHBOURS] for i, row in zip(own[:, 0], near, strict=True)])
    votes = (labels[others][:, :, None] == np.arange(num_classes)).sum(1)
    right = votes.argmax(1) == labels
    counts = np.bincount(labels, minlength=num_classes)
    recall = np.bincount(labels, right, num_classes) / np.maximum(counts, 1)
    return votes[np.arange(len(labels)), labels] / NEIGHBOURS, recall
