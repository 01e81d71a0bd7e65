"""A configuration on K folds: which of them it lacks, whether it is worth the next one, what it counts for.

A configuration of the search begins on fold 0. When that trial is complete it is trained on the next fold, and so on,
each time as a trial of its own that names the first one in `Trial.fold_of`. After each fold it is given up if its
mean so far is worse than the worst fold of the incumbent: the rule "forgiving" of Bergman et al. 2024 (arXiv
2405.03389). The incumbent is the configuration with the best mean of those with all folds, the baseline among them.

All of it follows from the trials as a decision may see them, so a resumed run decides as an unbroken one would.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from luthier.records import DONE, Metric, Trial

Scores = tuple[tuple[int, float], ...]


class Standing(NamedTuple):
    """A configuration, by the trial that began it.

    Args:
        scores: (fold, final score), rising, of the folds that came to their end. One that diverged or failed counts
            as the best constant prediction.
        at_work: is one of its folds being trained?
    """

    leader: Trial
    scores: Scores
    at_work: bool

    @property
    def mean(self) -> float:
        """Over the folds that are there."""
        return sum(score for _, score in self.scores) / len(self.scores)

    def worst(self, metric: Metric) -> float:
        """Utility of the worst fold."""
        return min(metric.utility(score) for _, score in self.scores)

    def next_fold(self, num: int) -> int:
        """The lowest that is missing."""
        there = {fold for fold, _ in self.scores}
        return next(fold for fold in range(num) if fold not in there)


def standings(trials: Iterable[Trial], constant: float) -> list[Standing]:
    """The baseline, and each configuration whose first trial is complete, in the order of their ids.

    Args:
        trials: of a run, or of a part of it.
        constant: score of the best constant prediction.
    """
    members: dict[int, list[Trial]] = {}
    for trial in trials:
        if trial.fold_of is not None:
            members[trial.fold_of].append(trial)
        elif trial.id == 0 or (trial.phase == "search" and trial.status == "finished"):
            members[trial.id] = [trial]
    return [_standing(group, constant) for group in members.values()]


def _standing(group: Sequence[Trial], constant: float) -> Standing:
    scores: dict[int, float] = {}
    for trial in group:
        score = _final(trial, constant)
        if score is not None:
            scores.setdefault(trial.split_seed, score)
    return Standing(group[0], tuple(sorted(scores.items())), any(trial.status not in DONE for trial in group))


def _final(trial: Trial, constant: float) -> float | None:
    last = trial.at(1.0) if trial.status == "finished" else None
    if last is not None and math.isfinite(last.score):
        return last.score
    return constant if trial.status in ("finished", "diverged", "failed") else None


def complete(found: Iterable[Standing], num: int) -> list[Standing]:
    """Those with all `num` folds."""
    return [one for one in found if len(one.scores) == num]


def incumbent(found: Iterable[Standing], metric: Metric, num: int) -> Standing | None:
    """The best mean of those with all folds; ties: the lower id."""
    return max(complete(found, num), key=lambda one: (metric.utility(one.mean), -one.leader.id), default=None)


def bar(best: Standing | None, metric: Metric) -> float:
    """The utility that the mean of a configuration must reach for its next fold: the incumbent's worst fold."""
    return -math.inf if best is None else best.worst(metric)


def alive(found: Sequence[Standing], metric: Metric, num: int) -> list[Standing]:
    """The configurations of the search that lack folds and are not given up, best mean first; ties: the lower id."""
    least = bar(incumbent(found, metric, num), metric)
    kept = [
        one for one in found if one.leader.id != 0 and len(one.scores) < num and metric.utility(one.mean) >= least
    ]
    return sorted(kept, key=lambda one: (-metric.utility(one.mean), one.leader.id))


def averaged(trial: Trial, mean: float) -> Trial:
    """The trial with a final score that is the mean over its folds."""
    last = trial.at(1.0)
    if last is None:
        return trial
    point = msgspec.structs.replace(last, score=mean)
    return msgspec.structs.replace(trial, curve=tuple(point if p is last else p for p in trial.curve))


class Merged:
    """Trials as those see them who compare configurations: the first of each, with the mean over its folds.

    A cache: what has not changed is the same object as last time, so that tables of trials need not read it again.
    """

    def __init__(self, constant: float) -> None:
        self.constant = constant
        self._known: dict[int, tuple[Trial, Scores, Trial]] = {}

    def __call__(self, trials: Sequence[Trial]) -> list[Trial]:
        """All trials; those of further folds stay, under their phase."""
        means = {one.leader.id: one for one in standings(trials, self.constant) if len(one.scores) > 1}
        return [self._of(trial, means[trial.id]) if trial.id in means else trial for trial in trials]

    def _of(self, trial: Trial, found: Standing) -> Trial:
        known = self._known.get(trial.id)
        if known is None or known[0] is not trial or known[1] != found.scores:
            known = self._known[trial.id] = (trial, found.scores, averaged(trial, found.mean))
        return known[2]
