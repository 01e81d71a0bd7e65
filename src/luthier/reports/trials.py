"""The table of trials: the best of them, and how many more there are."""

from __future__ import annotations

import math

from luthier.records import Trial
from luthier.reports.model import Table, Trials
from luthier.reports.numbers import DASH, percent, plural, seconds, setting
from luthier.reports.reading import Reading, value_of
from luthier.reports.words import clean, clip, label

MOST_ROWS = 200
MOST_SETTINGS = 12
MOST_ERRORS = 5


def trials(reading: Reading) -> Trials:
    """All runs, complete ones first by score, then by how far they came; at most MOST_ROWS."""
    history = reading.record.history
    every = sorted(history.trials, key=lambda t: _rank(reading, t)) if history else []
    names = list(reading.record.space)
    kept = names[:MOST_SETTINGS]
    hidden = len(every) - MOST_ROWS
    note = f"{plural(len(every), 'run')}, sorted by score; each row is one run (n = 1)."
    if hidden > 0:
        note += f" {hidden:,} more are in the run's journal."
    if len(names) > len(kept):
        note += f" {plural(len(names) - len(kept), 'more setting')} not listed."
    return Trials(
        table=Table(
            columns=(
                "trial",
                "phase",
                "from",
                "status",
                reading.metric_name,
                "of schedule",
                "training",
                *(label(n, 40) for n in kept),
            ),
            rows=tuple(_row(reading, t, kept) for t in every[:MOST_ROWS]),
            numeric=frozenset({0, 4, 5, 6, *range(7, 7 + len(kept))}),
            caption="Runs, best first",
        ),
        note=note,
        errors=_errors(every),
    )


def _rank(reading: Reading, trial: Trial) -> tuple[bool, float, float, int]:
    """Complete by score; then partial ones by fraction and score; diverged and silent ones last."""
    last = trial.last
    if last is None or trial.status == "diverged":
        return (True, 1.0, 0.0, trial.id)
    utility = reading.metric.utility(last.score)
    if trial.at(1.0) is not None:
        return (False, 0.0, -utility, trial.id)
    return (True, -last.fraction, -utility, trial.id)


def _row(reading: Reading, trial: Trial, names: list[str]) -> tuple[str, ...]:
    last = trial.last
    known = last is not None and math.isfinite(last.score)
    values = (value_of(trial, name) for name in names)
    return (
        str(trial.id),
        _phase(reading, trial),
        label(trial.origin, 24),
        trial.status,
        reading.score(last.score) if known and last else DASH,
        percent(last.fraction) if last else DASH,
        seconds(trial.cost.seconds),
        *(DASH if v is None else setting(v, 24) for v in values),
    )


def _phase(reading: Reading, trial: Trial) -> str:
    """What a trial was for, and its fold where there are such."""
    if trial.phase == "fold":
        return f"search, fold {trial.split_seed} of trial {trial.fold_of}"
    return trial.phase if reading.num_folds == 1 else f"{trial.phase}, fold {trial.split_seed}"


def _errors(every: list[Trial]) -> tuple[str, ...]:
    """The first errors, each text once."""
    seen: dict[str, int] = {}
    for trial in every:
        if trial.error:
            seen.setdefault(clip(clean(trial.error), 300), trial.id)
    return tuple(f"trial {number}: {text}" for text, number in list(seen.items())[:MOST_ERRORS])
