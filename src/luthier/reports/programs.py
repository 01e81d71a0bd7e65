"""In which execution modes the run trained, how full the programs were, and why a mode was not taken."""

from __future__ import annotations

import math

from luthier.records import ModeSpeed, RunRecord
from luthier.reports.model import Table
from luthier.reports.numbers import DASH, MISSING, count, number, percent, seconds
from luthier.reports.words import clean, clip, label


def shares(record: RunRecord) -> str:
    """The share of model-steps of each mode, the largest first: "78 % grouped P=4, 22 % loop"."""
    whole = sum(used.steps for used in record.used)
    if not whole:
        return ""
    ranked = sorted(record.used, key=lambda used: -used.steps)
    return ", ".join(f"{percent(used.steps / whole)} {name(used.mode, used.P)}" for used in ranked)


def name(mode: str, P: int) -> str:
    """A mode with its width, where it has one."""
    return label(mode, 20) + (f" P={P}" if P > 1 else "")


def sentence(record: RunRecord) -> str:
    """Shares, how many slot-steps were of use, and what filling slots cost; empty where nothing was counted."""
    told = shares(record)
    side_by_side = [used for used in record.used if used.P > 1 and used.slot_steps]
    if not told:
        return ""
    parts = [f"model-steps: {told}"]
    if side_by_side:
        useful = sum(u.steps for u in side_by_side) / sum(u.slot_steps for u in side_by_side)
        refills, refill_s = sum(u.refills for u in side_by_side), sum(u.refill_s for u in side_by_side)
        parts.append(f"slots in use {percent(useful)}")
        parts.append(f"{count(refills)} refills took {seconds(refill_s)}")
    return "; ".join(parts)


def measured(record: RunRecord) -> Table:
    """Each mode with its speed, or why it does not take the model and what would mend that."""
    reference = next((s.rows_per_s for s in record.modes), math.nan)
    return Table(
        columns=("mode", "rows/s a worker", "of the reference", "why not"),
        rows=tuple((name(s.mode, s.P), *_speed(s, reference)) for s in record.modes),
        numeric=frozenset({1, 2}),
        caption="Execution modes as measured before the search",
    )


def _speed(speed: ModeSpeed, reference: float) -> tuple[str, str, str]:
    if speed.refused:
        return DASH, DASH, clip(clean(speed.refused), 400)
    if not math.isfinite(speed.rows_per_s):
        return MISSING, MISSING, ""
    return count(round(speed.rows_per_s)), number(speed.rows_per_s / reference, 2), ""
