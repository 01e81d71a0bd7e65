"""The search as pictures: score against each setting, and the best trials across all settings."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from luthier.records import Trial
from luthier.reports.axes import linear, of_domain, position
from luthier.reports.model import Axis, Dot, Kind, Parallel, Role, Scatter, Slices, Table
from luthier.reports.numbers import DASH, plural, setting
from luthier.reports.reading import Reading, quantile, setting_of, thin, value_of
from luthier.reports.words import label
from luthier.space import Choice, Domain

MOST_SLICES = 12
MOST_DOTS = 160
TOP_DOTS = 40
MOST_LINES = 24
MOST_AXES = 9


def slices(reading: Reading) -> Slices | None:
    """One chart a setting of the space; None where no trial has a score."""
    space = reading.record.space
    if not len(space) or not _last_scores(reading):
        return None
    y = _y_axis(reading)
    names = list(space)[:MOST_SLICES]
    hidden = len(space) - len(names)
    note = (
        "Filled: trained to the end. Hollow: the last score of a trial that was stopped or is not finished, "
        "which is lower for that alone. Crosses: diverged. Triangles at the edge: beyond the axis. "
        "n = 1 run each."
    )
    if hidden:
        note += f" {plural(hidden, 'more setting')} of the space not drawn."
    if reading.num_folds > 1:
        note = note.replace("n = 1 run each.", "Final scores are means over the folds that there are.")
    shared = [label(name) for name in names if name in _structural(reading)]
    if shared:
        note += f" Drawn for several trials at once, so that variants count: {', '.join(shared)}."
    charts = tuple(_slice(reading, name, space.domains[name], y) for name in names)
    return Slices(charts=charts, note=note)


def _structural(reading: Reading) -> tuple[str, ...]:
    """The settings that were drawn in cohorts."""
    plan = reading.record.plan
    return plan.structural if plan and plan.cohort > 1 else ()


def _variants(reading: Reading, trials: Sequence[Trial]) -> str:
    """How many variants the trials are, in words."""
    names = _structural(reading)
    return plural(len({tuple(value_of(t, name) for name in names) for t in trials}), "variant")


def _last_scores(reading: Reading) -> dict[int, float]:
    """The last score of each trial that has one."""
    return {t.id: t.last.score for t in reading.search if t.last and math.isfinite(t.last.score)}


def _y_axis(reading: Reading) -> Axis:
    """Room for the complete trials; the worst fifth may leave the picture."""
    sign = 1.0 if reading.metric.greater_is_better else -1.0
    utilities = [u for _, u in reading.scored] or [sign * s for s in _last_scores(reading).values()]
    named = [u for t, u in reading.scored if t.id in (0, reading.best)]
    low, high = sorted((sign * min(quantile(utilities, 0.15), *named, math.inf), sign * max(utilities)))
    return linear(reading.metric_name, low, high, pad=0.08, num=4)


def _slice(reading: Reading, name: str, domain: Domain, y: Axis) -> Scatter:
    anchor = setting_of(reading.record.baseline, name)
    also = [float(anchor)] if _is_number(anchor) and not isinstance(domain, Choice) else []
    x = of_domain(name, domain, also)
    trials = [t for t in reading.search if _place(domain, value_of(t, name), t.id) is not None]
    named = [t for t in trials if t.id in (0, reading.best)]
    others = _few([t for t in trials if t.id not in (0, reading.best)], {t.id for t, _ in reading.scored[:TOP_DOTS]})
    drawn = [(t, dot) for t in (*others, *named) if (dot := _dot(reading, t, name, y)) is not None]
    note = "" if len(others) + len(named) == len(trials) else f"{len(others):,} of {len(trials):,} trials drawn"
    text = _words(reading, name, [t for t, _ in drawn], anchor)
    return Scatter(title=label(name), x=x, y=y, dots=tuple(dot for _, dot in drawn), text=text, note=note)


def _few(trials: list[Trial], top: set[int]) -> list[Trial]:
    """At most MOST_DOTS of them: all of the top, the others evenly chosen."""
    best = [t for t in trials if t.id in top]
    return thin([t for t in trials if t.id not in top], MOST_DOTS - len(best)) + best


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _place(domain: Domain, value: Any, number: int) -> float | None:
    """Where a value stands on the axis; options are spread a little, the same way each time."""
    if isinstance(domain, Choice):
        if value not in domain.options:
            return None
        return domain.options.index(value) + 0.5 * ((number * 0.618034) % 1.0 - 0.5)
    if not _is_number(value) or (domain.log and value <= 0):
        return None
    return float(value)


def _dot(reading: Reading, trial: Trial, name: str, y: Axis) -> Dot | None:
    x = _place(reading.record.space.domains[name], value_of(trial, name), trial.id)
    if x is None:
        return None
    diverged = trial.status == "diverged"
    score = trial.last.score if trial.last else math.nan
    if diverged:
        score = y.low if reading.metric.greater_is_better else y.high
    if not math.isfinite(score):
        return None
    inside = min(max(score, y.low), y.high)
    unfinished = "" if trial.at(1.0) is not None else ", not complete"
    words = "diverged" if diverged else reading.score(score) + unfinished
    kind = _kind(reading, trial)
    return Dot(
        x=x,
        y=inside,
        kind=kind,
        outside=inside != score,
        text=f"trial {trial.id}: {setting(value_of(trial, name))}, {words}",
    )


def _kind(reading: Reading, trial: Trial) -> Kind:
    """What the mark of a trial says."""
    if trial.id in (0, reading.best):
        return "baseline" if trial.id == 0 else "best"
    if trial.status == "diverged":
        return "diverged"
    return "complete" if trial.at(1.0) is not None else "partial"


def _words(reading: Reading, name: str, drawn: list[Trial], anchor: Any) -> str:
    """The chart in words: how many trials, where the good ones lie, the baseline."""
    complete = [t for t, _ in reading.scored if value_of(t, name) is not None]
    best = complete[: max(3, min(len(complete) // 5, 10))]
    top = [value_of(t, name) for t in best]
    shared = name in _structural(reading)
    num = f"{_variants(reading, drawn)} ({plural(len(drawn), 'trial')})" if shared else plural(len(drawn), "trial")
    text = f"{reading.metric_name} against {label(name)}: {num}."
    numbers = [v for v in top if _is_number(v)]
    if len(top) == 1:
        text += f" The only complete one has {setting(top[0])}."
    elif numbers and len(numbers) == len(top):
        of = f" ({_variants(reading, best)})" if shared else ""
        text += f" The best {len(top)} complete ones{of} lie from {setting(min(numbers))} to "
        text += f"{setting(max(numbers))}."
    elif top:
        text += f" The best complete one has {setting(top[0])}."
    return text + (f" Baseline: {setting(anchor)}." if anchor is not None else " The baseline does not set it.")


def parallel(reading: Reading) -> Parallel | None:
    """The best complete trials across settings and score, a line each; None for fewer than three."""
    space = reading.record.space
    if len(reading.scored) < 3 or not len(space):
        return None
    names = list(space)[: MOST_AXES - 1]
    axes = [of_domain(name, space.domains[name], _anchors(reading, name)) for name in names]
    named = [(t, u) for t, u in reading.scored[MOST_LINES:] if t.id in (0, reading.best)]
    chosen = [*reading.scored[:MOST_LINES], *named]
    sign = 1.0 if reading.metric.greater_is_better else -1.0
    scores = [sign * u for _, u in chosen]
    axes.append(linear(reading.metric_name, min(scores), max(scores)))
    lines = []
    for (trial, _), score in zip(chosen, scores, strict=True):
        role: Role = "best" if trial.id == reading.best else "baseline" if trial.id == 0 else "other"
        places = [_place(space.domains[n], value_of(trial, n), trial.id) for n in names]
        at = [None if v is None else position(a, v) for a, v in zip(axes, places, strict=False)]
        lines.append((role, (*at, position(axes[-1], score))))
    note = f"The best {min(len(reading.scored), MOST_LINES)} of {plural(len(reading.scored), 'complete trial')}"
    if _structural(reading):
        note += f" ({_variants(reading, [t for t, _ in chosen])})"
    hidden = len(space) - len(names)
    note += f"; {plural(hidden, 'more setting')} not drawn." if hidden else "."
    order = {"other": 0, "baseline": 1, "best": 2}
    lines.sort(key=lambda line: order[line[0]])
    return Parallel(axes=tuple(axes), lines=tuple(lines), note=note, table=_parallel_table(reading, names))


def _anchors(reading: Reading, name: str) -> list[float]:
    value = setting_of(reading.record.baseline, name)
    return [float(value)] if _is_number(value) else []


def _parallel_table(reading: Reading, names: list[str]) -> Table:
    rows = [
        (
            str(t.id),
            reading.score(u if reading.metric.greater_is_better else -u),
            *(_or_dash(value_of(t, name)) for name in names),
        )
        for t, u in reading.scored[:MOST_LINES]
    ]
    return Table(
        columns=("trial", reading.metric_name, *(label(n, 40) for n in names)),
        rows=tuple(rows),
        numeric=frozenset(range(len(names) + 2)),
        caption="The best complete trials, best first, one run each",
    )


def _or_dash(value: Any) -> str:
    return DASH if value is None else setting(value, 24)
