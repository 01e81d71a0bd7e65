"""Trials and histories made by hand, for the judgements."""

from __future__ import annotations

from collections.abc import Sequence

from luthier.recipe import Recipe
from luthier.records import History, Metric, Point, Trial

ACCURACY = Metric(name="accuracy", greater_is_better=True)


def trial(i: int, config: dict, *, status: str = "finished", curve: Sequence[Point] = (), **recipe) -> Trial:
    """A search trial with its curve."""
    return Trial(
        id=i,
        phase="search",
        config=config,
        recipe=Recipe(**recipe),
        seed=i,
        split_seed=0,
        num_steps=1000,
        status=status,
        curve=tuple(curve),
    )


def scored(i: int, config: dict, score: float, **recipe) -> Trial:
    """A finished trial with one report, at its end; a score of None: it diverged."""
    if score is None:
        return trial(i, config, status="diverged", **recipe)
    end = Point(step=1000, fraction=1.0, train_loss=1.0, val_loss=1.0, score=float(score))
    return trial(i, config, curve=[end], **recipe)


def history(trials: Sequence[Trial], metric: Metric = ACCURACY) -> History:
    """They and a baseline without configuration as trial 0."""
    return alone([scored(0, {}, 0.5), *trials], metric)


def alone(trials: Sequence[Trial], metric: Metric = ACCURACY) -> History:
    """They and nothing else."""
    return History(metric=metric, trials=tuple(trials))


def curve(train: Sequence[float], val: Sequence[float] | None = None, score: Sequence[float] | None = None):
    """Reports at equal steps."""
    val = train if val is None else val
    score = [-v for v in val] if score is None else score
    n = len(train)
    return [
        Point(
            step=round(1000 * (k + 1) / n),
            fraction=(k + 1) / n,
            train_loss=float(t),
            val_loss=float(v),
            score=float(s),
            grad_norm=1.0 + k,
        )
        for k, (t, v, s) in enumerate(zip(train, val, score, strict=True))
    ]
