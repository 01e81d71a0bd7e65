"""How fast a population trains: chunks of steps, timed after the first one, which warms up."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy.typing as npt

from luthier.engines.spec import Placed, Population
from luthier.recipe import Recipe
from luthier.training.batches import Course, make_plan

Array = npt.NDArray[Any]
Clock = Callable[[], float]
MOST_STEPS = 64
"""Of a chunk, as in training."""


class Pace:
    """Trains P like models side by side, chunk by chunk; `rows_per_s` is the best chunk's so far, all slots together.

    Args:
        recipes: of one program; each slot has the next one, as in a search, where slots differ in their numbers.
        rows: training rows.
        chunk_s: seconds that a chunk should take.
        first: steps of the chunk that warms up.
        clock: seconds that pass. On a CPU that others use too, the seconds of this process say more.
    """

    def __init__(
        self,
        population: Population,
        data: Placed,
        recipes: Sequence[Recipe],
        *,
        rows: Array,
        chunk_s: float,
        first: int = 2,
        clock: Clock = time.perf_counter,
    ) -> None:
        self.population, self.data, self.rows = population, data, rows
        self.recipes = [recipes[p % len(recipes)] for p in range(population.P)]
        self.chunk_s, self.num, self.step, self.clock = chunk_s, first, 0, clock
        fresh = [population.fresh(recipe, 0) for recipe in self.recipes[: len(recipes)]]
        self.state = population.stack([fresh[p % len(fresh)] for p in range(population.P)])
        self.rows_per_s = 0.0

    def run(self, seconds: float) -> float:
        """Train for so long, for one chunk after the warm-up at least; rows a second."""
        began = time.perf_counter()
        while not self.rows_per_s or time.perf_counter() - began < seconds:
            self.chunk()
        return self.rows_per_s

    def chunk(self) -> None:
        """Train one chunk, and time it if it is not the first; its plan is part of the work."""
        began = self.clock()
        until = self.step + 2 * self.num
        courses = [Course(recipe, 0, self.rows, until, self.step, self.num) for recipe in self.recipes]
        plan = make_plan(courses, self.num)
        self.state, _ = self.population.advance(self.state, self.data, plan)
        taken_s = max(self.clock() - began, 1e-9)
        if self.step:
            rate = self.num * self.population.P * self.recipes[0].batch_size / taken_s
            self.rows_per_s = max(self.rows_per_s, rate)
        self.step += self.num
        self.num = max(self.num, min(MOST_STEPS, round(self.chunk_s * self.num / taken_s)))
