"""What several parts of a report ask of a record: the metric, the digits of scores, the best trial."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec

from luthier import stats
from luthier.folds import Merged
from luthier.groups import group_in, number_of
from luthier.recipe import OPTIMIZERS, OPTION, TRAINING_SETTINGS, Recipe
from luthier.records import Estimate, Metric, RunRecord, Trial
from luthier.reports.model import Measure
from luthier.reports.numbers import MISSING, count, decimals_of, number, signed, span
from luthier.reports.words import label


class Reading(NamedTuple):
    """A record with what follows from it at once.

    `scored` holds (trial, utility) of the search's trials that came to their end, best first; `best` is the
    trial behind the candidate of the deciding comparison, else the best of `scored` that is not the baseline;
    `candidate` is what that candidate scores on the deciding seeds, adopted or not, None where it was not compared.
    Where configurations were judged on folds, the final scores are means over those that they were trained on.
    """

    record: RunRecord
    metric: Metric
    metric_name: str
    decimals: int | None
    search: tuple[Trial, ...]
    scored: tuple[tuple[Trial, float], ...]
    best: int | None
    candidate: Estimate | None

    def score(self, value: float) -> str:
        """A score with the digits that the run's noise supports."""
        return number(value, self.decimals)

    def decimals_for(self, low: float, high: float) -> int | None:
        """Digits that an interval supports; those of the run where it supports none."""
        found = decimals_of(low, high)
        return self.decimals if found is None else found

    @property
    def num_folds(self) -> int:
        """On how many folds configurations were judged; 1: on one split."""
        return self.record.facts.num_folds if self.record.facts else 1

    @property
    def of_search(self) -> str:
        """What a final score of the search was measured on."""
        return "1 run" if self.num_folds == 1 else f"{self.num_folds} folds"

    def direction(self) -> str:
        """ "larger is better", or "smaller"."""
        return "larger is better" if self.metric.greater_is_better else "smaller is better"


def read(record: RunRecord) -> Reading:
    """Look at a record once."""
    history, facts = record.history, record.facts
    metric = facts.metric if facts else history.metric if history else Metric(name="score", greater_is_better=True)
    if history:
        history = msgspec.structs.replace(history, trials=averaged_trials(record))
    search = tuple(history.search()) if history else ()
    known = [(t, history.utility(t)) for t in search] if history else []
    finite = [(t, u) for t, u in known if u is not None and math.isfinite(u)]
    scored = tuple(sorted(finite, key=lambda pair: (-pair[1], pair[0].id)))
    named, best, candidate = label(metric.name, 40), _best(record, scored), _candidate(record)
    return Reading(record, metric, named, _decimals(record, candidate), search, scored, best, candidate)


def averaged_trials(record: RunRecord) -> tuple[Trial, ...]:
    """All trials, those of the search with the mean over their folds as the final score."""
    trials = record.history.trials if record.history else ()
    facts = record.facts
    return tuple(Merged(facts.constant_score)(trials)) if facts and facts.num_folds > 1 else trials


def _best(record: RunRecord, scored: tuple[tuple[Trial, float], ...]) -> int | None:
    if record.evidence and record.evidence[0].change.trial is not None:
        return record.evidence[0].change.trial
    return next((t.id for t, _ in scored if t.id != 0), None)


def _candidate(record: RunRecord) -> Estimate | None:
    """See Reading."""
    if not (record.evidence and record.evidence[0].candidate):
        return None
    found = stats.mean_interval(record.evidence[0].candidate)
    return Estimate(score=found.mean, interval=(found.low, found.high), n=found.n, sd=found.sd)


def _decimals(record: RunRecord, candidate: Estimate | None) -> int | None:
    """Digits of a single score, from the first interval that is known."""
    noise = record.noise.estimate if record.noise else None
    known = [e for e in (candidate, noise, record.baseline_score) if e is not None]
    return next((d for e in known if (d := decimals_of(*e.interval)) is not None), None)


def measure(reading: Reading, estimate: Estimate | None, unit: str, *, sign: bool = False) -> Measure:
    """An estimate in words; `unit` is what n counts: "seed", "row", "pair of runs"."""
    if estimate is None or not math.isfinite(estimate.score):
        return Measure(text=MISSING)
    low, high = estimate.interval
    write = signed if sign else number
    known = math.isfinite(low) and math.isfinite(high)
    return Measure(
        value=estimate.score,
        low=low if known else math.nan,
        high=high if known else math.nan,
        n=estimate.n,
        text=write(estimate.score, reading.decimals_for(low, high)),
        interval=span(low, high, sign=sign) if known else "no interval",
        size=f"n = {count(estimate.n)} {unit}{'' if estimate.n == 1 else 's'}",
    )


def setting_of(recipe: Recipe, name: str) -> Any:
    """The value that a setting of the space has in a recipe; None where the recipe does not say it.

    The inverse of `Recipe.with_config`.
    """
    if recipe.program:
        return recipe.model.get(name)
    owner, _, rest = name.partition(".")
    if owner in OPTIMIZERS and rest:
        if owner != recipe.optimizer:
            return None
        name = rest
    group = group_in(name, recipe.groups)
    if group or name.startswith("one_minus_"):
        return number_of(recipe, group, name.removeprefix(f"{group}."))
    for prefix, room in (("prepare_", recipe.preparation), (OPTION, recipe.optimizer_options)):
        if name.startswith(prefix):
            return room.get(name.removeprefix(prefix))
    if name in TRAINING_SETTINGS:
        return getattr(recipe, name)
    return recipe.model.get(name.removeprefix("model."))


def value_of(trial: Trial, name: str) -> Any:
    """The value of a setting in a trial: from its configuration, else from its recipe."""
    return trial.config[name] if name in trial.config else setting_of(trial.recipe, name)


def quantile(values: Iterable[float], q: float) -> float:
    """The value below which the fraction q lies; values must not be empty."""
    ranked = sorted(values)
    return ranked[min(int(q * len(ranked)), len(ranked) - 1)]


def thin(items: list[Any], most: int) -> list[Any]:
    """At most so many, evenly spread, the first and the last among them."""
    if len(items) <= most:
        return items
    last = len(items) - 1
    return [items[round(i * last / (most - 1))] for i in range(most)]
