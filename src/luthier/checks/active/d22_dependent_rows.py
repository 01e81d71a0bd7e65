"""Neighbouring rows belong together.

## What it detects
Rows that follow each other, of the same class, are less than half as far apart as rows of that class drawn at random:
rows come in runs (one patient, one film, one moment), and the split was drawn row by row.

## Why it hurts
A run lies on both sides of the split, so the score is that for runs already seen.

## Evidence
The median distances of both, over how many pairs.

## Mend
Split by group or in time.

Wrong: `luthier.tune(net, data=(x, y))`
Right: `data=Data(x_of_first_patients, y_of_first_patients, test=(x_of_others, y_of_others))`

## When it keeps silent
Splits that the person made. Fewer than 100 pairs. Rows sorted by target: only rows of one class are compared; a real
target is taken off first by comparing with rows of similar target.

## Source
S. Kapoor and A. Narayanan 2023; cleanlab's non-iid issue.
"""

from __future__ import annotations

import numpy as np

from luthier.checks.active.bench import standardised
from luthier.checks.active.exam import Array, Exam
from luthier.findings import Finding, Unknown

TITLE = "neighbouring rows belong together"
TIER = "full"
CAUSES = ("D18", "D21")
RATIO, MIN_PAIRS, MOST_PAIRS = 0.5, 100, 2000


def judge(exam: Exam) -> list[Finding] | Unknown:
    """Are rows nearer to the next one than to others of their kind?"""
    rows = exam.rows
    if rows.given or not rows.whole:
        return []
    labels = rows.targets if rows.classes else _bins(rows.targets.reshape(len(rows.targets), -1)[:, 0])
    table = standardised(rows.prepared.reshape(len(rows.prepared), -1), rows.train)
    first = np.flatnonzero(labels[:-1] == labels[1:])
    if len(first) < MIN_PAIRS or not np.isfinite(table).all():
        return Unknown(
            code="D22",
            title=TITLE,
            reason=f"{len(first)} pairs of rows in a row of one class",
            needs=f"{MIN_PAIRS} pairs",
        )
    rng = np.random.default_rng(16)
    first = first[np.sort(rng.choice(len(first), min(MOST_PAIRS, len(first)), replace=False))]
    near = _median_distance(table[first], table[first + 1])
    far = _median_distance(table[first], table[_others(labels, first, rng)])
    if near >= RATIO * far:
        return []
    return [
        Finding(
            code="D22",
            title=TITLE,
            number=near / far,
            threshold=RATIO,
            n=len(first),
            text=f"Rows that follow each other are {near:.3g} apart (median of {len(first)} pairs of one class, "
            f"columns standardised), rows of one class drawn at random {far:.3g}; the split was drawn row by row.",
            remedy="Split by group or in time, so that no run of rows lies on both sides.",
            severity="warning",
            cause="A run of rows (one patient, one film) on both sides of the split makes the score too good.",
            wrong="data = (x, y)",
            right="data = Data(x_first, y_first, test=(x_later, y_later))",
        )
    ]


def _bins(target: Array) -> Array:
    """Real targets in four classes of equal size."""
    return np.searchsorted(np.quantile(target, (0.25, 0.5, 0.75)), target)


def _others(labels: Array, first: Array, rng: np.random.Generator) -> Array:
    """For each row another one of its class, drawn at random."""
    pools = {c: np.flatnonzero(labels == c) for c in np.unique(labels[first])}
    return np.array([rng.choice(pools[c]) for c in labels[first]])


def _median_distance(one: Array, other: Array) -> float:
    return float(np.median(np.sqrt(((one.astype(np.float64) - other) ** 2).sum(1))))
