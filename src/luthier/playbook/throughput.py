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
from luthier.training.placement import most_held

PLATEAU = 1.1  # rows/s must grow by this factor when the batch doubles
FUSED_GAIN = 1.1  # a mode is taken if it beats the reference by this factor
WIDTHS = (4, 8, 16, 32)
"""Trials side by side that are tried: few values, so that programs are reused."""
BLIND = 4.0
"""Full trainings that each trial at work beyond one a worker costs a search, at equal speed: of N trainings with K
more at work it makes what N / (1 + BLIND K / N) are worth that are made one a worker. Measured on modelled learning
curves (benchmarks/README.md, "Does it cost quality to train side by side?")."""
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
    """Trials that a worker may hold at once: each slot is to begin one at least.

    >>> most_slots(100, 2)
    50
    """
    return max(1, int(expected_trials / num_workers))


def gain(speedup: float, P: int, *, trainings: float, num_workers: int) -> float:
    """How many times more a search makes of its time in a mode than in the reference.

    Trials side by side are begun and sent on before the others' results are known: that counts against their speed.

    Args:
        speedup: of the mode, against the reference.
        P: trials in one program of a worker.
        trainings: full ones that the search would have in the reference mode; without end, only speed counts.

    >>> [round(gain(2.0, 4, trainings=n, num_workers=2), 2) for n in (15.0, 60.0, math.inf)]
    [0.86, 1.5, 2.0]
    """
    more = (most_held(P) - 1) * num_workers
    return speedup / (1.0 + BLIND * more / (speedup * trainings))


def ladder(speeds: Sequence[ModeSpeed], most: int) -> tuple[tuple[str, int], ...]:
    """(mode, P) of every mode that is worth while, the fastest first, each in its best width of at most `most`: where
    the chosen one does not take a structure of the search, the next may."""
    best: dict[str, ModeSpeed] = {}
    for speed in speeds[1:]:
        if most >= speed.P and speed.rows_per_s >= FUSED_GAIN * speeds[0].rows_per_s:
            best[speed.mode] = max(speed, best.get(speed.mode, speed), key=lambda s: s.rows_per_s)
    ranked = sorted(best.values(), key=lambda speed: -speed.rows_per_s)
    return tuple((speed.mode, speed.P) for speed in ranked)


def choose_mode(speeds: Sequence[ModeSpeed], *, trainings: float = math.inf, num_workers: int = 1) -> ModeChoice:
    """The mode and width with the largest `gain`, of those that are a tenth faster than the reference; ties: the
    smaller width.

    The first of `speeds` is the reference; it is kept where no other gains a tenth. What was refused, or was not
    measured, is passed over.

    Raises:
        InvalidInput: the reference was not measured.
    """
    reference = next(iter(speeds), None)
    if reference is None or not reference.rows_per_s > 0:
        raise InvalidInput("speeds", must="the first is the measured reference", where="choice of the execution mode")
    kept = f"Mode {reference.mode} ({reference.rows_per_s:.3g} rows/s a worker)"
    faster = [s for s in speeds[1:] if s.rows_per_s >= FUSED_GAIN * reference.rows_per_s]
    if not faster:
        why = "no other takes the model" if all(s.refused for s in speeds[1:]) else "no other is a tenth faster"
        return ModeChoice(reference.mode, reference.P, 1.0, f"{kept}: {why}.")

    def gained(speed: ModeSpeed) -> float:
        speedup = speed.rows_per_s / reference.rows_per_s
        return gain(speedup, speed.P, trainings=trainings, num_workers=num_workers)

    chosen = max(faster, key=lambda s: (gained(s), -s.P))
    speedup = chosen.rows_per_s / reference.rows_per_s
    if gained(chosen) < FUSED_GAIN:
        told = (
            f"{kept}: {chosen.mode}, {chosen.P} side by side, is {speedup:.2g} times as fast, but in a search of "
            f"{trainings:.0f} trainings too many would begin before the first results are known."
        )
        return ModeChoice(reference.mode, reference.P, 1.0, told)
    told = (
        f"Mode {chosen.mode}, {chosen.P} side by side ({chosen.rows_per_s:.3g} rows/s a worker): {speedup:.2g} times "
        f"the {reference.mode}'s."
    )
    return ModeChoice(chosen.mode, chosen.P, speedup, told)
