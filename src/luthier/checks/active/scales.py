"""When the scale of columns or targets is worth a measurement."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from luthier.checks.active.exam import Learned, Rows, sigmas

Array = npt.NDArray[Any]
RATIO = 1000.0
"""Largest over smallest standard deviation of a column."""
MIN_ROWS = 256


class Columns(NamedTuple):
    """Standard deviations of the columns on the training rows, the constant ones left out."""

    low: float
    high: float
    lowest: int
    highest: int
    images: bool  # whole numbers from 0 to about 255

    @property
    def ratio(self) -> float:
        """Largest over smallest."""
        return self.high / self.low if self.low > 0 else 1.0


def columns_of(rows: Rows) -> Columns:
    """How the columns that the model sees are scaled."""
    table = rows.prepared[rows.train].reshape(len(rows.train), -1).astype(np.float64)
    width = table.std(0)
    varies = np.flatnonzero(width > 0)
    if not len(varies):
        return Columns(1.0, 1.0, 0, 0, False)
    low, high = varies[width[varies].argmin()], varies[width[varies].argmax()]
    whole = bool((table == np.round(table)).mean() > 0.99)
    images = whole and table.min() >= 0 and 200 <= table.max() <= 255 and table.shape[1] >= 16
    return Columns(float(width[low]), float(width[high]), int(low), int(high), bool(images))


def columns_ask(rows: Rows) -> bool:
    """Are the columns of very different scale, or raw grey values?"""
    found = columns_of(rows)
    return found.images or (rows.tabular and len(rows.train) >= MIN_ROWS and found.ratio > RATIO)


def target_asks(rows: Rows) -> bool:
    """Is a real target far from unit scale?"""
    if rows.classes:
        return False
    seen = rows.targets[rows.train].astype(np.float64)
    width, level = seen.std(0), np.abs(seen.mean(0))
    return bool(np.any((width > 100) | (width < 0.01) | (level > 10 * width)))


def better(now: Learned, other: Learned) -> bool:
    """Is the other short training better beyond doubt and by much, each in units of what a constant reaches?"""
    mine, others = now.loss / now.constant.mean(), other.loss / other.constant.mean()
    far = others.mean() < 0.7 * mine.mean() and mine.mean() - others.mean() > 0.02
    return bool(far and sigmas(mine - others) > 2 and other.learned)


def said(learned: Learned) -> str:
    """The loss of a short training in words."""
    return f"{learned.loss.mean():.4g}" if learned.step else "not finite"
