"""Which batch size is fast: the largest before the throughput stops growing. Which execution mode is.

Playbook, "Choosing the batch size" (CC-BY-4.0): doubling the batch should nearly double the rows a second;
use batch sizes up to where it no longer does, and never choose one for validation quality (P03 to P06).
Measuring is done elsewhere; this is the judgement.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from luthier.errors import InvalidInput
from luthier.records import ModeSpeed

PLATEAU = 1.1  # rows/s must grow by this factor when the batch doubles
FUSED_GAIN = 1.1  # a mode is taken if it beats the reference by this factor
NEARLY = 0.85  # of the best speed: the smallest P that has so much is taken, as a search with fewer at once sees more
WIDTHS = (4, 8, 16, 32)
"""Trials side by side that are tried: few values, so that programs are reused."""
BLIND = 12
"""Trials that a search in the reference mode begins for each slot, at least. With so many a third of the search is
over when the first trial that came to its end counts; with six it was almost all of it."""
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


class ModeChoice(NamedTuple):
    """How the search trains: mode and trials a worker, how much faster that is than the reference, and why."""

    mode: str
    P: int
    speedup: float
    reason: str


def most_slots(expected_trials: float, num_workers: int) -> int:
    """Trials that a worker may hold at once, so that the search is not blind.

    >>> most_slots(100, 2)
    4
    """
    return max(1, int(expected_trials / BLIND / num_workers))


def ladder(speeds: Sequence[ModeSpeed], most: int) -> tuple[tuple[str, int], ...]:
    """(mode, P) of every mode that is worth while, the fastest first, each in its best width of at most `most`: where
    the chosen one does not take a structure of the search, the next may."""
    best: dict[str, ModeSpeed] = {}
    for speed in speeds[1:]:
        if most >= speed.P and speed.rows_per_s >= FUSED_GAIN * speeds[0].rows_per_s:
            best[speed.mode] = max(speed, best.get(speed.mode, speed), key=lambda s: s.rows_per_s)
    ranked = sorted(best.values(), key=lambda speed: -speed.rows_per_s)
    return tuple((speed.mode, speed.P) for speed in ranked)


def choose_mode(speeds: Sequence[ModeSpeed]) -> ModeChoice:
    """The fastest mode, in the smallest width that has nearly its speed.

    The first of `speeds` is the reference; it is kept where no other is a tenth faster. What was refused, or was
    not measured, is passed over.

    Raises:
        InvalidInput: the reference was not measured.
    """
    reference = next(iter(speeds), None)
    if reference is None or not reference.rows_per_s > 0:
        raise InvalidInput("speeds", must="the first is the measured reference", where="choice of the execution mode")
    faster = [s for s in speeds[1:] if s.rows_per_s >= FUSED_GAIN * reference.rows_per_s]
    if not faster:
        why = "no other takes the model" if all(s.refused for s in speeds[1:]) else "no other is a tenth faster"
        told = f"Mode {reference.mode} ({reference.rows_per_s:.3g} rows/s a worker): {why}."
        return ModeChoice(reference.mode, reference.P, 1.0, told)
    best = max(s.rows_per_s for s in faster)
    chosen = min((s for s in faster if s.rows_per_s >= NEARLY * best), key=lambda s: (s.P, -s.rows_per_s))
    speedup = chosen.rows_per_s / reference.rows_per_s
    told = (
        f"Mode {chosen.mode}, {chosen.P} side by side ({chosen.rows_per_s:.3g} rows/s a worker): {speedup:.2g} times "
        f"the {reference.mode}'s."
    )
    return ModeChoice(chosen.mode, chosen.P, speedup, told)
