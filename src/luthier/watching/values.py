"""What is kept of an array that a program trains on: numbers about it, never the array.

Axes: R rows (samples), D columns (everything after the first axis, flattened).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from luthier.codec import Record

MAX_ROWS = 2048
"""Rows looked at, evenly spread: enough for a mean to 2 % of a deviation, cheap for images."""
MAX_ELEMENTS = 1 << 21
MAX_COLUMNS = 512
MAX_DISTINCT = 1000
MIN_STEPS = 3
"""Of a window."""
ONE = 1 - 1e-6
"""A correlation above this is that of numbers that are equal up to scale, shift and rounding."""
NEARLY = 0.98
"""Another column that is as like the target as this: neighbours in a smooth series, not one column that is it."""


class Values(Record, frozen=True, kw_only=True):
    """Statistics of an array.

    Args:
        name: what the program calls it, or its role ("x", "y", an output's name).
        shape, dtype: of the whole array.
        rows: rows looked at. n: finite numbers looked at; low, high, mean, std: of these.
        num_missing: entries that are NaN or infinite, of those looked at.
        whole: every number is whole. distinct: how many different numbers, -1 where more than 1000.
        row_sum_low, row_sum_high: sums along the last axis; NaN for one axis.
        spread: largest difference of a row from the first one, relative to the largest number; NaN for one row.
        columns: (mean, std, low, high) of each column of a table of at most 512 columns; else empty.
    """

    name: str = ""
    shape: tuple[int, ...] = ()
    dtype: str = ""
    rows: int = 0
    n: int = 0
    low: float = math.nan
    high: float = math.nan
    mean: float = math.nan
    std: float = math.nan
    num_missing: int = 0
    whole: bool = False
    distinct: int = -1
    row_sum_low: float = math.nan
    row_sum_high: float = math.nan
    spread: float = math.nan
    columns: tuple[tuple[float, float, float, float], ...] = ()


def values_of(array: Any, name: str = "") -> Values:
    """Statistics of an array-like; strings and objects give their shape only.

    >>> v = values_of([[0.0, 1.0], [1.0, 0.0]], "y")
    >>> v.low, v.high, v.row_sum_low, v.whole, v.distinct
    (0.0, 1.0, 1.0, True, 2)
    """
    whole_array = np.asarray(array)
    shape, dtype = tuple(int(s) for s in whole_array.shape), str(whole_array.dtype)
    sample = sample_rows(whole_array)
    if sample.dtype.kind not in "biuf" and dtype not in ("bfloat16", "float8_e4m3fn"):
        return Values(name=name, shape=shape, dtype=dtype)
    numbers = sample.astype(np.float64)
    finite = np.isfinite(numbers)
    kept = numbers[finite]
    if not kept.size:
        return Values(name=name, shape=shape, dtype=dtype, num_missing=int(numbers.size))
    distinct = np.unique(kept)
    sums = numbers.sum(axis=-1) if numbers.ndim > 1 else np.array([math.nan])
    return Values(
        name=name,
        shape=shape,
        dtype=dtype,
        rows=len(numbers) if numbers.ndim else 1,
        n=int(kept.size),
        low=float(kept.min()),
        high=float(kept.max()),
        mean=float(kept.mean()),
        std=float(kept.std()),
        num_missing=int(numbers.size - kept.size),
        whole=bool((kept == np.floor(kept)).all()),
        distinct=len(distinct) if len(distinct) <= MAX_DISTINCT else -1,
        row_sum_low=float(sums.min()),
        row_sum_high=float(sums.max()),
        spread=_spread(numbers) if kept.size == numbers.size else math.nan,
        columns=_columns(numbers),
    )


def sample_rows(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """At most MAX_ROWS rows and MAX_ELEMENTS numbers, evenly spread over the array; always the same ones."""
    if array.ndim == 0 or not array.size:
        return array
    per_row = max(array.size // len(array), 1)
    wanted = max(min(MAX_ROWS, MAX_ELEMENTS // per_row), 2)
    if len(array) <= wanted:
        return array
    return array[np.linspace(0, len(array) - 1, wanted).astype(np.int64)]


def only_alike(rows_RD: npt.NDArray[np.float64], goal_R: npt.NDArray[np.float64]) -> int:
    """The one column that is the target up to scale, shift and rounding; -1 where none is, or another comes near."""
    centred, aim = rows_RD - rows_RD.mean(0), goal_R - goal_R.mean()
    with np.errstate(all="ignore"):
        like_D = np.abs(centred.T @ aim) / np.sqrt((centred**2).sum(0) * (aim**2).sum())
    like_D = np.nan_to_num(like_D)
    best = int(like_D.argmax())
    return best if like_D[best] > ONE and np.sort(like_D)[-2] < NEARLY else -1


class Windows(Record, frozen=True, kw_only=True):
    """Windows of a series and what follows them, row by row.

    Args:
        n: rows looked at, but for those of one number only. together: of these, that have mean 0 and standard
            deviation 1 with what follows put behind them; alone: without it.
    """

    n: int = 0
    together: int = 0
    alone: int = 0

    def __add__(self, other: Windows) -> Windows:
        """Of both."""
        return Windows(n=self.n + other.n, together=self.together + other.together, alone=self.alone + other.alone)


def windows_of(past: npt.NDArray[Any], future: npt.NDArray[Any]) -> Windows:
    """How windows (B, T) or (B, T, 1) and their targets (B,), (B, H) or (B, H, 1) are scaled; none for other arrays.

    A target that is the window moved by one step counts with its last step only.

    >>> rows = np.array([[1.0, -1.0, 1.0, -1.0], [1.0, 1.0, -1.0, -1.0]])
    >>> windows_of(rows[:, :3], rows[:, 3])
    Windows(n=2, together=2, alone=0)
    """
    past_BT, future_BH = _one_series(past), _one_series(future)
    if past_BT is None or future_BH is None or len(past_BT) != len(future_BH) or past_BT.shape[1] < MIN_STEPS:
        return Windows()
    if past_BT.shape == future_BH.shape and np.array_equal(past_BT[:, 1:], future_BH[:, :-1]):
        future_BH = future_BH[:, -1:]
    both = np.concatenate([past_BT, future_BH], axis=1)
    kept = np.isfinite(both).all(axis=1)
    kept[kept] = np.ptp(both[kept], axis=1) > 0
    return Windows(
        n=int(kept.sum()),
        together=int(_is_scaled(both[kept]).sum()),
        alone=int(_is_scaled(past_BT[kept]).sum()),
    )


def _one_series(array: npt.NDArray[Any]) -> npt.NDArray[np.float64] | None:
    """The rows of an array whose other axes, but for one, have one entry; None for other arrays and whole numbers."""
    shape = array.shape[1:]
    if array.dtype.kind != "f" or not array.size or sum(s > 1 for s in shape) > 1 or len(shape) > 2:
        return None
    flat = array.reshape(len(array), -1)
    return flat.astype(np.float64) if flat.shape[1] <= MAX_COLUMNS else None


def _is_scaled(rows: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Rows with mean 0 and standard deviation 1, of the row or as an estimate."""
    if not len(rows):
        return np.zeros(0, dtype=bool)
    spreads = [rows.std(axis=1, ddof=ddof) for ddof in (0, 1)]
    unit = np.any([np.abs(spread - 1) < 1e-2 for spread in spreads], axis=0)
    return np.asarray((np.abs(rows.mean(axis=1)) < 1e-3) & unit, dtype=bool)


def _spread(numbers: npt.NDArray[np.float64]) -> float:
    if numbers.ndim == 0 or len(numbers) < 2:
        return math.nan
    scale = float(np.abs(numbers).max())
    return float(np.abs(numbers - numbers[0]).max()) / scale if scale > 0 else 0.0


def _columns(numbers: npt.NDArray[np.float64]) -> tuple[tuple[float, float, float, float], ...]:
    if numbers.ndim != 2 or not 1 <= numbers.shape[1] <= MAX_COLUMNS or len(numbers) < 2:
        return ()
    if not np.isfinite(numbers).all():
        return ()
    four = np.stack([numbers.mean(0), numbers.std(0), numbers.min(0), numbers.max(0)], axis=1)
    return tuple((float(a), float(b), float(c), float(d)) for a, b, c, d in four)
