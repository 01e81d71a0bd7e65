"""Where the time and the memory went, and what the models cost."""

from __future__ import annotations

import math
from collections.abc import Sequence

from luthier.records import Trial
from luthier.reports import programs
from luthier.reports.model import Bars, Cost, Table
from luthier.reports.numbers import DASH, MISSING, count, memory, percent, plural, seconds
from luthier.reports.reading import Reading

PHASES = {
    "open": "opening data and workers",
    "noise": "noise of the baseline",
    "search": "search",
    "confirm": "confirmation",
    "final": "final comparison",
    "test": "test rows",
    "report": "report",
}
"""Phases in the order of a run, in words."""


def cost(reading: Reading) -> Cost:
    """Seconds by phase, planned and spent, training and other; memory; the two models."""
    record = reading.record
    spent = {p: s for p, s in record.spent.items() if math.isfinite(s)}
    names = [*(p for p in PHASES if p in spent), *(p for p in spent if p not in PHASES)]
    trials = record.history.trials if record.history else ()
    rows = [_row(reading, name, spent[name], trials) for name in names]
    bars = Bars(
        title="Seconds by phase",
        rows=tuple((PHASES.get(n, n), max(spent[n], 0.0), seconds(spent[n])) for n in names),
    )
    return Cost(
        sentence=f"{_sentence(reading, sum(spent.values()), trials)} {_of_modes(reading)}".strip(),
        bars=bars if names else None,
        phases=Table(
            columns=(
                "phase",
                "planned",
                "spent",
                "runs",
                "training by all workers",
                "workers' time spent training",
            ),
            rows=tuple(rows),
            numeric=frozenset(range(1, 6)),
            caption="Time by phase",
        ),
        models=_models(reading, trials),
        modes=programs.measured(record),
    )


def _of_modes(reading: Reading) -> str:
    told = programs.sentence(reading.record)
    return f"{told[:1].upper()}{told[1:]}." if told else ""


def planned(reading: Reading, phase: str) -> float:
    """Seconds that the plan gives a phase; NaN where the budget counts trials or does not say."""
    plan = reading.record.plan
    if plan is None or plan.unit != "seconds" or phase not in plan.split or not sum(plan.split.values()):
        return math.nan
    return plan.total * plan.split[phase] / sum(plan.split.values())


def _row(reading: Reading, phase: str, spent: float, trials: Sequence[Trial]) -> tuple[str, ...]:
    mine = [t for t in trials if t.phase == phase or (phase == "search" and t.phase == "fold")]
    workers = reading.record.plan.num_workers if reading.record.plan else 1
    training = sum(t.cost.seconds for t in mine)
    share = percent(min(training / (spent * workers), 1.0)) if mine and spent > 0 else DASH
    plan = planned(reading, phase)
    return (
        PHASES.get(phase, phase),
        seconds(plan) if math.isfinite(plan) else DASH,
        seconds(spent),
        count(len(mine)) if mine else DASH,
        seconds(training) if mine else DASH,
        share,
    )


def _sentence(reading: Reading, total: float, trials: Sequence[Trial]) -> str:
    workers = reading.record.plan.num_workers if reading.record.plan else 1
    training = sum(t.cost.seconds for t in trials)
    peak = memory(max((t.cost.peak_bytes for t in trials), default=0))
    if total <= 0:
        return f"Time: {MISSING}. Peak memory of a worker: {peak}."
    share = min(training / (total * workers), 1.0)
    return (
        f"{seconds(total)} with {plural(workers, 'worker')}: {percent(share)} of the workers' time was "
        f"training, {percent(1 - share)} was not (start, data, evaluation, waiting, report). "
        f"Peak memory of a worker: {peak}."
    )


def _models(reading: Reading, trials: Sequence[Trial]) -> Table:
    """Baseline and best side by side."""
    by_id = {t.id: t for t in trials}
    rows = []
    for name, number in (("baseline", 0), ("best candidate", reading.best)):
        trial = by_id.get(-1 if number is None else number)
        if trial is None:
            continue
        used = trial.cost
        rows.append(
            (
                name,
                count(used.num_parameters) if used.num_parameters else MISSING,
                seconds(used.seconds),
                memory(used.peak_bytes),
                seconds(used.latency_s),
            )
        )
    return Table(
        columns=("model", "parameters", "training", "worker's memory", "one row"),
        rows=tuple(rows),
        numeric=frozenset(range(1, 5)),
        caption="One run each: training time, peak memory of its worker, time to predict one row",
    )
