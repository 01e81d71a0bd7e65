"""Which batch size is fast: the largest before the throughput stops growing.

Playbook, "Choosing the batch size" (CC-BY-4.0): doubling the batch should nearly double the rows a second;
use batch sizes up to where it no longer does, and never choose one for validation quality (P03 to P06).
Measuring is done elsewhere; this is the judgement.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from luthier.errors import InvalidInput

PLATEAU = 1.1  # rows/s must grow by this factor when the batch doubles
MIN_STEPS = 16  # steps an epoch has at least: fewer, and small data sets get too few updates


class Speed(NamedTuple):
    """A measurement after warm-up. Not fitting into memory is a result too: rows_per_s = NaN."""

    batch_size: int
    rows_per_s: float
    peak_bytes: int = 0

    @property
    def fits(self) -> bool:
        """Did it run?"""
        return math.isfinite(self.rows_per_s) and self.rows_per_s > 0


class BatchChoice(NamedTuple):
    """The batch size, what stopped it from being larger, and that in a sentence."""

    batch_size: int
    stopped_by: str  # "plateau" | "rows" | "memory" | "measured"
    reason: str


def choose_batch_size(speeds: Sequence[Speed], num_train: int) -> BatchChoice:
    """The largest measured B before r(B) = rows/s at 2B / rows/s at B falls below 1.1, and at most rows / 16.

    Where the next measured size is not 2B, the ratio is taken per doubling. The smallest size that runs is
    always allowed.

    Raises:
        InvalidInput: nothing was measured, or nothing ran.
    """
    ordered = sorted(speeds)
    fitting = [s for s in ordered if s.fits]
    if not fitting:
        sizes = ", ".join(str(s.batch_size) for s in ordered) or "none"
        raise InvalidInput(
            f"batch sizes that ran: none (tried: {sizes})",
            where="choice of the batch size",
            remedy="Give a smaller batch_size, or make the model smaller",
        )
    chosen = fitting[0]
    for larger in fitting[1:]:
        growth = (larger.rows_per_s / chosen.rows_per_s) ** (1 / math.log2(larger.batch_size / chosen.batch_size))
        if growth < PLATEAU:
            return _choice(chosen, "plateau", f"a doubling brings only {growth:.2f} times the rows/s")
        if larger.batch_size * MIN_STEPS > num_train:
            return _choice(chosen, "rows", f"{num_train} training rows shall make {MIN_STEPS} steps an epoch or more")
        chosen = larger
    refused = [s.batch_size for s in ordered if not s.fits and s.batch_size > chosen.batch_size]
    if refused:
        return _choice(chosen, "memory", f"{refused[0]} rows do not fit into memory")
    return _choice(chosen, "measured", "it is the largest that was measured, and throughput still grows")


def _choice(speed: Speed, stopped_by: str, why: str) -> BatchChoice:
    return BatchChoice(
        speed.batch_size, stopped_by, f"Batch size {speed.batch_size} ({speed.rows_per_s:.3g} rows/s): {why}."
    )
