"""What sinks show of a trial, in one place so that all of them show the same."""

from __future__ import annotations

import math

from luthier.codec import digest
from luthier.records import Point, RunRecord, Trial
from luthier.reports.reading import value_of
from luthier.space import Scalar

MEASURES = ("train_loss", "val_loss", "score", "train_score", "grad_norm")


def settings(run: RunRecord, trial: Trial) -> dict[str, Scalar]:
    """The trial's value of each setting that the run varies, the baseline's read from its recipe."""
    names = dict.fromkeys([*run.space, *trial.config])
    return {name: value for name in names if (value := value_of(trial, name)) is not None}


def measures(point: Point) -> dict[str, float]:
    """The numbers of a report that are finite: what was not measured is absent."""
    numbers = {name: float(getattr(point, name)) for name in MEASURES}
    return {name: number for name, number in numbers.items() if math.isfinite(number)}


def final_score(trial: Trial) -> float | None:
    """The score at the end of the trial's schedule; None where it did not come so far."""
    point = trial.at(1.0)
    return point.score if point is not None and math.isfinite(point.score) else None


def label(trial: Trial) -> str:
    """A name that sorts by number and says what the trial was for: "0007-search"; trial 0 is the baseline."""
    return f"{trial.id:04d}-{'baseline' if trial.id == 0 else trial.phase}"


def key(run: RunRecord) -> str:
    """The run, as a name that no other run has."""
    return digest({"name": run.name, "created": run.created, "command": run.command})


def results(run: RunRecord) -> dict[str, float]:
    """The figures of the verdict that are known."""
    known = {
        "baseline_score": run.baseline_score.score if run.baseline_score else math.nan,
        "best_score": run.best_score.score if run.best_score else math.nan,
        "difference": run.evidence[0].difference.score if run.evidence else math.nan,
        "test_baseline_score": run.test.baseline.score if run.test else math.nan,
        "test_candidate_score": run.test.candidate.score if run.test else math.nan,
    }
    return {name: float(number) for name, number in known.items() if math.isfinite(number)}
