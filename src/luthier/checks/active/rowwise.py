"""Rows as bytes, and how likely equal ones are by chance."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
MIN_BITS = 40.0
"""Rows with less information than this are equal by chance: one in a million pairs at 20 bits."""


def keys(table: Array) -> Array:
    """A key for each row of [n, d]: equal rows have equal keys, -0 equals 0."""
    whole = np.ascontiguousarray(table + 0.0)
    return whole.view(np.dtype((np.void, whole.dtype.itemsize * whole.shape[1]))).ravel()


def bits(table: Array) -> float:
    """Information of a row: -log2 of the chance that two rows agree, if columns were independent.

    Columns are not, so it is an upper bound: where it is small, equal rows prove nothing.
    """
    total = 0.0
    for column in table[:2000, :256].T:
        _, counts = np.unique(column, return_counts=True)
        total -= math.log2(float(((counts / counts.sum()) ** 2).sum()))
    return total


def finite_table(inputs: Array) -> Array:
    """Rows [n, d], gaps as a value of their own."""
    table = inputs.reshape(len(inputs), -1).astype(np.float32)
    filled: Array = np.nan_to_num(table, nan=-3.3e38, posinf=3.3e38, neginf=-3.4e38)
    return filled
