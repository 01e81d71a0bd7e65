"""Configurations that were not tried before, from whatever draws points of the unit cube."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from luthier.search.table import Key, Table, key_of
from luthier.space import Choice, Config, Float, Space

Array = npt.NDArray[Any]
MAX_DRAWS = 100
"""Draws before a space counts as nearly exhausted, and its last configurations are looked up instead."""
MAX_LISTED = 20_000
"""Finite spaces up to this size are listed to find what was not tried; in larger ones chance is enough."""


class Fresh:
    """Hands out new configurations within one call of `suggest`.

    Args:
        table: what was tried before.
        rng: picks among the configurations left in a nearly exhausted space.
    """

    def __init__(self, space: Space, table: Table, rng: np.random.Generator) -> None:
        self._space, self._table, self._rng = space, table, rng
        self._given: set[Key] = set()

    def take(self, config: Config) -> bool:
        """Note a configuration as given; False if it was tried or given before."""
        new = self.is_new(config)
        self._given.add(key_of(self._space, config))
        return new

    def draw(self, propose: Callable[[], Config]) -> Config:
        """The first new configuration that `propose` comes up with; a repeat only if none is left."""
        for _ in range(MAX_DRAWS):
            config = propose()
            if self.take(config):
                return config
        left = [c for c in every_config(self._space) if self.is_new(c)]
        if left:
            config = left[int(self._rng.integers(len(left)))]
            self.take(config)
        return config

    def is_new(self, config: Config) -> bool:
        """Was it neither tried nor given before?"""
        key = key_of(self._space, config)
        return self._table.tried[key] == 0 and key not in self._given


def generator(*seeds: int) -> np.random.Generator:
    """A stream of random numbers of its own for each combination of (non-negative) seeds."""
    return np.random.Generator(np.random.Philox(np.random.SeedSequence([abs(seed) for seed in seeds])))


def every_config(space: Space) -> Iterator[Config]:
    """All configurations of a finite space, each once; nothing for a space that is infinite or large."""
    sizes = [
        math.inf if isinstance(d, Float) else len(d.options) if isinstance(d, Choice) else d.high - d.low + 1
        for d in space.domains.values()
    ]
    if math.prod(sizes) > MAX_LISTED:
        return
    seen = set()
    values = [
        d.options if isinstance(d, Choice) else range(d.low, d.high + 1)  # type: ignore[arg-type]  # ints: see sizes
        for d in space.domains.values()
    ]
    for combination in itertools.product(*values):
        full = dict(zip(space, combination, strict=True))
        config = {name: value for name, value in full.items() if space.active(name, full)}
        key = key_of(space, config)
        if key not in seen:
            seen.add(key)
            yield config
