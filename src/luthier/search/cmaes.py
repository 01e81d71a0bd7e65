"""CMA-ES: a normal distribution over the numeric settings that learns their scales and correlations.

The `cmaes` package (MIT) that stands under Optuna's sampler does the work. Optuna's own wrapper keeps its state
in attributes of its trials and cannot be rebuilt from what a run knows, so the generations are folded here.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from luthier.errors import MissingExtra
from luthier.records import History
from luthier.search.draw import Fresh, generator
from luthier.search.halton import HaltonStream
from luthier.search.spec import Suggestion
from luthier.search.table import Table
from luthier.space import Choice, Config, Space

FEW = 8
"""Results that a rung must have before generations are made of its values."""
SIGMA = 1 / 6
"""Initial standard deviation in the unit cube: the whole range within three of them, as in Optuna."""


class CmaesSampler:
    """CMA-ES over the unconditional numeric settings; choices and conditional settings are drawn evenly.

    A generation is a block of this sampler's own trials with a value, in the order of their ids. All values are
    of one rung, the highest with a few results.
    """

    name = "cmaes"

    def __init__(self) -> None:
        try:
            from cmaes import CMA
        except ImportError:
            raise MissingExtra("sampler 'cmaes' needs the package cmaes", remedy="Run: pip install cmaes") from None
        self._make = CMA
        self._table = Table()
        self._basis: tuple[Space, int] | None = None
        self._told: list[tuple[int, float]] = []
        self._optimizer: Any = None

    def suggest(self, space: Space, history: History, key: int, n: int) -> list[Suggestion]:
        """`n` draws from the distribution that the complete generations lead to."""
        self._table.update(space, history)
        rng = generator(key)
        fresh = Fresh(space, self._table, rng)
        axes = [i for i, d in enumerate(space.domains.values()) if not isinstance(d, Choice) and not d.when]
        if len(axes) < 2:  # the package needs two
            stream = HaltonStream(space, self._table, key, origin=self.name)
            return [Suggestion(fresh.draw(stream.config), self.name) for _ in range(n)]
        optimizer = self._fold(space, axes)
        optimizer.reseed_rng(key % 2**32)

        def propose() -> Config:
            u_D = rng.random(len(space))
            u_D[axes] = optimizer.ask()
            return space.decode(u_D)

        return [Suggestion(fresh.draw(propose), self.name) for _ in range(n)]

    def _fold(self, space: Space, axes: list[int]) -> Any:
        """The optimizer after all complete generations; goes on from last time where the beginning is the same."""
        level = self._table.level(FEW)
        rows, utility = self._table.utilities(level)
        values = [
            (int(row), -float(u))  # a diverged trial has inf: CMA-ES looks at ranks only
            for row, u in zip(rows, utility, strict=True)
            if self._table.trials[row].origin == self.name and not np.isnan(self._table.unit_ND[row, axes]).any()
        ]
        if (space, level) != self._basis or values[: len(self._told)] != self._told:
            bounds_A2 = np.array([[0.0, 1.0]] * len(axes))
            self._optimizer = self._make(mean=np.full(len(axes), 0.5), sigma=SIGMA, bounds=bounds_A2, seed=0)
            self._basis, self._told = (space, level), []
        size = self._optimizer.population_size
        while len(values) >= len(self._told) + size:
            block = values[len(self._told) : len(self._told) + size]
            self._optimizer.tell([(self._table.unit_ND[row, axes], value) for row, value in block])
            self._told += block
        return self._optimizer
