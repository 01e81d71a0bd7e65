"""The bench for optimizers that luthier did not write: 60 rows, 6 inputs, 3 classes, 20 steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from luthier.engines.conformance.bench import assert_bit_equal
from luthier.engines.spec import Engine, Loss, Snapshot, Source
from luthier.recipe import Recipe
from luthier.training.batches import Course, make_plan

STEPS, ROWS = 20, 60
RNG = np.random.default_rng(0)
SOURCE = Source(RNG.normal(size=(ROWS, 6)).astype(np.float32), RNG.integers(0, 3, ROWS))


def recipe_of(name: str, **settings: Any) -> Recipe:
    """Small batches, and a rate that falls in a line, so that a rate of a wrong step shows."""
    usual = {"lr": 0.01, "weight_decay": 0.0, "batch_size": 16, "schedule": "linear", "warmup": 0.0}
    return Recipe(optimizer=name, **(usual | settings))


def rates(lr: float) -> list[float]:
    """Of the steps of `recipe_of`."""
    return [lr * (1 - s / STEPS) for s in range(STEPS)]


def batches(recipe: Recipe, seed: int = 1) -> list[Any]:
    """The rows of each step."""
    return list(make_plan([Course(recipe, seed, np.arange(ROWS), STEPS, 0, STEPS)], STEPS).rows[:, 0])


def trained(
    engine: Engine,
    builder: Callable[..., Any],
    recipe: Recipe,
    *,
    mode: str = "",
    seeds: tuple[int, ...] = (1,),
    stops: tuple[int, ...] = (STEPS,),
) -> tuple[Snapshot, Snapshot]:
    """(start, end) of the last seed's trial, trained beside the others; at each stop in a new population."""
    mode, step = mode or engine.modes()[0], 0
    data = engine.place(SOURCE)
    population = engine.open(builder, recipe, Loss("cross_entropy"), mode, len(seeds))
    start = [population.fresh(recipe, seed) for seed in seeds]
    now = start
    for stop in stops:
        population = engine.open(builder, recipe, Loss("cross_entropy"), mode, len(seeds))
        courses = [Course(recipe, seed, np.arange(ROWS), STEPS, step, stop - step) for seed in seeds]
        state, _ = population.advance(population.stack(now), data, make_plan(courses, stop - step))
        now, step = [population.take(state, p) for p in range(len(seeds))], stop
    return start[-1], now[-1]


def assert_pause_changes_no_bit(
    engine: Engine, builder: Callable[..., Any], recipe: Recipe, *, mode: str = ""
) -> None:
    """20 steps alone; and 7 beside another, a snapshot, 13 in a new population."""
    _, straight = trained(engine, builder, recipe, mode=mode)
    _, paused = trained(engine, builder, recipe, mode=mode, seeds=(2, 1), stops=(7, STEPS))
    assert_bit_equal(paused, straight, recipe.optimizer)
