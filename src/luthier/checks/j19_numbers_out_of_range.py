"""Numbers that are out of range: labels given to one_hot, or indices of a table of weights.

JAX raises nothing. `one_hot(labels, n)` makes a row of zeros of a label that is n or more: it has no class, and its
cross-entropy is 0 whatever the model says. A table of weights gives its last row for every index that is too large
(`table[ids]`), or NaN (`jnp.take`, `Embed`): all such tokens, items and users share one row.

Evidence: the numbers themselves, in the first 20 calls from each line. Of labels: all are out of range; or none is 0
and some are n; or some classes of about the size of the others are. Of indices, with the loss's operations: they come
from an argument through changes of shape, slices and the wrap-around of negative ones.

Mend:

    targets = jax.nn.one_hot(labels, 3)                   # wrong: labels are 1, 2, 3
    targets = jax.nn.one_hot(labels - 1, 3)               # right

    table = 0.1 * jax.random.normal(key, (ids.max(), 16))       # wrong
    table = 0.1 * jax.random.normal(key, (ids.max() + 1, 16))   # right

It keeps silent where numbers below 0 or one single large number stand for "ignore" or for padding; where positions
beyond a capacity are dropped; where the program clips, compares or masks the numbers itself, or says
`mode="clip"` or `fill_value=0`.

Source: JAX documentation, "The Sharp Bits: Out-of-Bounds Indexing".
"""

from __future__ import annotations

import itertools
import math
from typing import Any

from luthier.checks.wording import percent
from luthier.findings import Finding, Unknown
from luthier.watching.programs import Lookup, Program

TITLE = "numbers out of range"
TIER = "quick"
CAUSES = ()
MIN_LABELS = 16
PER_CLASS = 8
ALIKE = 1.25
"""A class that was forgotten is about as large as the others are; what stands for "ignore" need not be."""


def judge(trace: Any) -> list[Finding] | Unknown:
    """One finding a line."""
    nan = any(not math.isfinite(v) for p in trace.programs if isinstance(p, Program) for _, v in p.losses)
    seen = [r for r in trace.programs if isinstance(r, Lookup) and r.num_high]
    found = [r for r in seen if (_wrong_labels(r) if r.kind == "one_hot" else _wrong_indices(r, nan))]
    return [_finding(record) for record in {r.place: r for r in reversed(found)}.values()]


def _too_large(record: Lookup) -> list[int]:
    return [value for value in record.counts if value >= record.size]


def _wrong_labels(record: Lookup) -> bool:
    """Not a label or a position that is dropped on purpose?"""
    large = _too_large(record)
    if record.n < MIN_LABELS or record.num_low:
        return False
    if record.num_high == record.n and len(large) > 1:
        return True
    if 0 not in record.counts:  # classes that begin at 1
        return record.n >= PER_CLASS * record.size and record.size in large
    return _classes_forgotten(record, large)


def _classes_forgotten(record: Lookup, large: list[int]) -> bool:
    """Are all numbers from 0 there, those out of range among the others and about as often as they are?"""
    every = range(record.high + 1)
    if not (record.flat and record.num_inside and record.size > 1 and record.high < 2 * record.size):
        return False
    if any(value not in record.counts for value in every):
        return False
    counts = [record.counts[value] for value in every]
    if all(a >= b for a, b in itertools.pairwise(counts)):
        return False  # positions in a queue: each one needs the one before it
    usual = counts[: record.size]
    return all(min(usual) / ALIKE <= record.counts[value] <= max(usual) * ALIKE for value in large)


def _wrong_indices(record: Lookup, nan: bool) -> bool:
    """Several numbers are too large; or a single one, that is no padding."""
    large = _too_large(record)
    if len(large) > 1:
        return True
    usual = [count for value, count in record.counts.items() if 0 <= value < record.size]
    if large != [record.size] or not usual:
        return False
    return (record.fills and nan) or (record.num_inside > 0 and record.counts[record.size] <= max(usual))


def _finding(record: Lookup) -> Finding:
    share = percent(record.num_high / record.n)
    labels = record.kind == "one_hot"
    if labels:
        text = (
            f"one_hot with {record.size} columns was given numbers from {record.low} to {record.high}: {share} of "
            f"{record.n} are {record.size} or more, and their rows are all zeros."
        )
        cause = "A row of zeros belongs to no class: nothing is learnt from it, and no error is raised."
    else:
        given = "NaN" if record.fills else "the last row"
        text = (
            f"a table of {record.size} rows was asked for row {record.high}: {share} of {record.n} indices are "
            f"{record.size} or more, and JAX gives {given} for them."
        )
        cause = "All indices that are too large share one row" if not record.fills else "NaN spreads to the loss"
        cause += ", and no error is raised."
    return Finding(
        code="J19",
        title=TITLE,
        number=float(record.high),
        threshold=float(record.size),
        n=record.n,
        text=text,
        remedy="Number the labels from 0, and count all classes"
        if labels
        else "Give the table as many rows as the largest index plus 1, or map rare ones to one row on purpose",
        severity="warning" if labels and 0 in record.counts else "error",
        certain=True,
        place=record.place,
        cause=cause,
        wrong="targets = jax.nn.one_hot(labels, n)" if labels else "table = normal(key, (ids.max(), 16))",
        right="targets = jax.nn.one_hot(labels - 1, n)" if labels else "table = normal(key, (ids.max() + 1, 16))",
        evidence={"out_of_range": record.num_high, "rows": record.size, "largest": record.high},
    )
