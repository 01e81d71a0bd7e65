"""A history as arrays: what samplers compute with. A cache: only trials that changed are read again.

A decision on 10,000 trials has to take milliseconds. Records are frozen, so a trial that is the same object as
last time has the same content; finding the few that are not costs half a millisecond.

Axes: N trials in the order of their ids, D settings of the space, K rungs.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable
from operator import attrgetter, is_not
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from luthier.records import History, Metric, Trial
from luthier.search.points import settings_of
from luthier.space import Config, Space

Array = npt.NDArray[Any]
Key = tuple[Hashable, ...]


class _Basis(NamedTuple):
    space: Space
    metric: Metric
    rungs: tuple[float, ...]


def key_of(space: Space, config: Config) -> Key:
    """A configuration as something that can be looked up; absent settings are None with their own mark."""
    return tuple((name in config, config.get(name)) for name in space)


class Table:
    """The trials that the search may learn from (`History.search`), in the order of their ids.

    Attributes:
        trials: N of them.
        configs: their values for the settings of this space, also where the trial was drawn from another space
            or is the baseline: then they are read from its recipe.
        unit_ND: the same in the unit cube; NaN: not active, or not known.
        utility_NK: `History.utility` at each rung; NaN: not known; -inf: diverged.
        status_N: `Trial.status`.
        tried: how often each configuration occurs.
        origins: how many trials came from where.
    """

    def __init__(self) -> None:
        self._basis: _Basis | None = None
        self._clear(0, 0)

    def _clear(self, num_settings: int, num_rungs: int) -> None:
        self.trials: list[Trial] = []
        self.configs: list[Config] = []
        self._keys: list[Key] = []
        self.tried: Counter[Key] = Counter()
        self.origins: Counter[str] = Counter()
        self._unit = self.unit_ND = np.empty((0, num_settings))
        self._utility = self.utility_NK = np.empty((0, num_rungs))
        self._status = self.status_N = np.empty(0, "<U8")

    def update(self, space: Space, history: History) -> list[int]:
        """Bring the arrays up to date; returns the rows that changed, rising."""
        basis = _Basis(space, history.metric, history.rungs)
        trials = sorted(history.search(), key=attrgetter("id"))
        if basis != self._basis or len(trials) < len(self.trials):
            self._clear(len(space), len(history.rungs))
            self._basis = basis
        num_old = len(self.trials)
        changed = [i for i, new in enumerate(map(is_not, trials, self.trials)) if new]
        changed += range(num_old, len(trials))
        self._grow(len(trials))
        for row in changed:
            if row < num_old:
                self._forget(row)
            self._read(row, trials[row], space, history)
        self.trials, num = trials, len(trials)
        self.unit_ND, self.utility_NK, self.status_N = (
            self._unit[:num],
            self._utility[:num],
            self._status[:num],
        )
        return changed

    def _grow(self, num: int) -> None:
        if num > len(self._unit):
            extra = max(num, 2 * len(self._unit), 64) - len(self._unit)
            self._unit = np.pad(self._unit, ((0, extra), (0, 0)))
            self._utility = np.pad(self._utility, ((0, extra), (0, 0)))
            self._status = np.pad(self._status, (0, extra))

    def _forget(self, row: int) -> None:
        self.tried[self._keys[row]] -= 1
        self.origins[self.trials[row].origin] -= 1

    def _read(self, row: int, trial: Trial, space: Space, history: History) -> None:
        config = settings_of(space, trial.recipe, trial.config)
        key = key_of(space, config)
        if row < len(self.configs):
            self.configs[row], self._keys[row] = config, key
        else:
            self.configs.append(config)
            self._keys.append(key)
        self.tried[key] += 1
        self.origins[trial.origin] += 1
        self._status[row] = trial.status
        self._unit[row] = space.encode(config)
        for rung in range(1, len(history.rungs) + 1):
            utility = history.utility(trial, rung)
            self._utility[row, rung - 1] = math.nan if utility is None else utility

    def level(self, few: int) -> int:
        """The highest rung (from 0) with at least `few` finite results; the lowest if none has."""
        enough_K = np.isfinite(self.utility_NK).sum(axis=0) >= few
        return int(np.flatnonzero(enough_K)[-1]) if enough_K.any() else 0

    def utilities(self, level: int) -> tuple[Array, Array]:
        """(rows, utilities) of those known at a rung; diverged trials have -inf."""
        utility_N = self.utility_NK[:, level]
        rows = np.flatnonzero(~np.isnan(utility_N))
        return rows, utility_N[rows]

    def capped(self, level: int) -> tuple[Array, Array]:
        """(rows, utilities) of those known at a rung, diverged trials at the worst feasible: `History.capped`."""
        rows, known = self.utilities(level)
        finite = known[np.isfinite(known)]
        return rows, np.where(np.isfinite(known), known, finite.min() if len(finite) else 0.0)
