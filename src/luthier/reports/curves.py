"""Learning curves: which are drawn, on which axes, and the same in numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence

from luthier.records import Trial
from luthier.reports.axes import linear, logarithmic
from luthier.reports.model import Axis, Curve, Curves, Role, Table
from luthier.reports.numbers import percent, plural
from luthier.reports.reading import Reading, quantile, thin

MOST_CURVES = 80
MOST_POINTS = 40
LOG_BELOW = 0.25
"""Where the first rung lies below this fraction, a linear axis would squeeze the rungs into its left end."""


def curves(reading: Reading) -> Curves | None:
    """The search's trials over the fraction of their own schedules; None where nothing was reported."""
    record = reading.record
    rungs = record.history.rungs if record.history else (1.0,)
    lines = {t.id: _line(reading, t) for t in reading.search}
    shown = [line for line in lines.values() if line.points]
    if not shown:
        return None
    named = [line for line in shown if line.role != "other"]
    others = [line for line in shown if line.role == "other"]
    kept = thin(others, MOST_CURVES)
    return Curves(
        x=_x_axis(shown, rungs),
        y=_y_axis(reading, shown, min(rungs[0], 0.5)),
        rungs=rungs,
        lines=(*kept, *sorted(named, key=lambda line: line.role == "best")),
        note=_note(reading, len(shown), len(kept) + len(named)),
        table=_table(reading, rungs),
    )


def _line(reading: Reading, trial: Trial) -> Curve:
    points = [(p.fraction, p.score) for p in trial.curve if p.fraction > 0 and math.isfinite(p.score)]
    role: Role = "best" if trial.id == reading.best else "baseline" if trial.id == 0 else "other"
    return Curve(
        trial=trial.id,
        role=role,
        points=tuple(thin(points, MOST_POINTS)),
        diverged=trial.status == "diverged",
    )


def _x_axis(lines: Sequence[Curve], rungs: Sequence[float]) -> Axis:
    name = "fraction of own schedule"
    first = min(line.points[0][0] for line in lines)
    if rungs[0] >= LOG_BELOW or first >= 1:
        return linear(name, 0.0, 1.0, pad=0.0)
    axis = logarithmic(name, min(first, rungs[0]), 1.0)
    return Axis(label=name, low=axis.low, high=1.0, log=True, ticks=_at_rungs(rungs))


def _at_rungs(rungs: Sequence[float]) -> tuple[tuple[float, str], ...]:
    """Ticks at the rungs, the highest first, none within a factor of 1.3 of its neighbour."""
    kept: list[float] = []
    for rung in sorted(rungs, reverse=True):
        if not kept or kept[-1] / rung > 1.3:
            kept.append(rung)
    return tuple((rung, percent(rung)) for rung in reversed(kept))


def _y_axis(reading: Reading, lines: Sequence[Curve], first: float) -> Axis:
    """Room for best and baseline from the first rung on; what is worse may leave the picture."""
    sign = 1.0 if reading.metric.greater_is_better else -1.0
    named = [sign * y for line in lines if line.role != "other" for x, y in line.points if x >= first - 1e-9]
    worst = min(named) if named else quantile((sign * line.points[-1][1] for line in lines), 0.2)
    best = max(sign * y for line in lines for _, y in line.points)
    low, high = sorted((sign * worst, sign * best))
    return linear(f"{reading.metric_name} ({reading.direction()})", low, high)


def _note(reading: Reading, num_curves: int, num_drawn: int) -> str:
    diverged = [t for t in reading.search if t.status == "diverged"]
    silent = sum(1 for t in diverged if not t.curve)
    parts = [
        "One line a trial (n = 1 run each), by its score on the validation rows. The axis is cut where only "
        "poor trials and first steps lie. Vertical lines are rungs, at which trials are compared and most "
        "are stopped."
    ]
    if reading.num_folds > 1:
        parts.append("The last point is the mean over the folds that a configuration was trained on.")
    if num_drawn < num_curves:
        parts.append(f"{num_drawn:,} of {num_curves:,} curves are drawn, evenly chosen.")
    if diverged:
        early = f", {silent:,} of them before the first report" if silent else ""
        parts.append(f"{plural(len(diverged), 'trial').capitalize()} diverged{early}; a cross marks the end.")
    return " ".join(parts)


def _table(reading: Reading, rungs: Sequence[float]) -> Table:
    """Baseline, best and the median of all at each rung."""
    by_id = {t.id: t for t in reading.search}
    rows = []
    for rung in rungs:
        found = {t.id: p.score for t in reading.search if (p := t.at(rung)) and math.isfinite(p.score)}
        median = quantile(found.values(), 0.5) if found else math.nan
        named = [
            found.get(i, math.nan) if i in by_id else math.nan
            for i in (0, -1 if reading.best is None else reading.best)
        ]
        rows.append((percent(rung), f"{len(found):,}", *(reading.score(v) for v in (*named, median))))
    return Table(
        columns=("of the schedule", "trials there", "baseline", "best candidate", "median trial"),
        rows=tuple(rows),
        numeric=frozenset(range(5)),
        caption=f"{reading.metric_name} at the rungs, one run each",
    )
