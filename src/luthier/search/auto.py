"""The default sampler: known points, then an even spread, then what a model expects most of, never only that.

Candidates come from the mixture of `prior` and from the close neighbourhood of the best trials; the model of
`surrogate` picks the one with the highest expected improvement at the last rung (Jones, Schonlau & Welch 1998), less
where noise hides it: augmented expected improvement (Huang, Allen, Notz & Zeng 2006, J. Global Optimization 34). A
share of Halton points goes on for good: exploration that no result can switch off. And a share of the model's
proposals takes another option than the leader: what an option is worth shows only beside settings that suit it.

Axes: N trials, C candidates, D settings, all in the unit cube.
"""

from __future__ import annotations

import math
from contextlib import nullcontext
from typing import Any

import numpy as np
import numpy.typing as npt

from luthier.records import History
from luthier.search.draw import Fresh, generator
from luthier.search.halton import HaltonStream
from luthier.search.points import known_points
from luthier.search.prior import Mixture, num_valued
from luthier.search.spec import Suggestion
from luthier.search.surrogate import Observed, Surrogate, num_settled, observed
from luthier.search.table import Table
from luthier.search.threads import one_thread
from luthier.space import Choice, Config, Space

Array = npt.NDArray[Any]

HALTON_SHARE = 0.15
"""Of the proposals, for good."""
OTHER_SHARE = 0.15
"""Of the model's proposals, where settings without order are searched: another option than the leader's."""
MOST_WAITING = 64
"""Trials at work that a proposal keeps away from: the latest."""
FEW = 5
"""Complete trials before the model says what paused ones may come to."""
OPTIMISM = 2.0
"""Standard deviations by which that lies above what it expects. By what it expects, a kind of trial that is behind
early is never sent on, and its end stays unknown: on curves where dropout pays late that has more than twice the
regret. Four standard deviations cost where early losses rank well."""
NUM_SPREAD, NUM_NEAR, NUM_JUMPS = 96, 48, 48
"""Candidates from the mixture, near the best trials, and far from them in a setting or two."""


class AutoSampler:
    """Known points, then Halton until max(5, D) trials have a value, then the model with a share of Halton."""

    name = "auto"

    def __init__(self) -> None:
        self._table = Table()
        self._model: _Model | None = None

    def upper_bounds(self, space: Space, history: History) -> dict[int, float]:
        """What the model holds possible of each trial at the last rung, by its id: GP-UCB (Srinivas, Krause, Kakade &
        Seeger 2010, arXiv 0912.3995). Empty where fewer than `FEW` are known there."""
        self._table.update(space, history)
        if np.isfinite(self._table.utility_NK[:, -1:]).sum() < FEW:
            return {}
        with one_thread():
            model = self._of(space)
            model.learn(self._table)
            mean_N, sd_N = model.surrogate.predict(self._table.unit_ND, model.last)
        bound_N = mean_N + OPTIMISM * sd_N
        return {trial.id: float(u) for trial, u in zip(self._table.trials, bound_N, strict=True)}

    def suggest(self, space: Space, history: History, key: int, n: int) -> list[Suggestion]:
        """`n` configurations; origins "known", "halton" and "model"."""
        return self.within(space, history, key, n, given={}, rest=space)

    def within(
        self, space: Space, history: History, key: int, n: int, *, given: Config, rest: Space
    ) -> list[Suggestion]:
        """The same where some settings are given: the model compares what suits them."""
        self._table.update(space, history)
        rng = generator(key)
        fresh = Fresh(space, self._table, rng)
        known = ({**given, **config} for config in _known(rest, self._table))
        out = [Suggestion(c, "known") for c in known if fresh.take(c)][:n]
        stream = HaltonStream(rest, self._table, key, origin="halton")
        exploring = num_valued(self._table) < max(5, len(rest))
        modelled = not exploring and len(out) < n
        with one_thread() if modelled else nullcontext():
            model = self._updated(space, given) if modelled else None
            while len(out) < n:
                if model is None or rng.random() < HALTON_SHARE:
                    out.append(Suggestion(fresh.draw(lambda: {**given, **stream.config()}), "halton"))
                else:
                    config = model.propose(rng, fresh) or fresh.draw(lambda: model.draw(rng))
                    fresh.take(config)
                    out.append(Suggestion(config, "model"))
                    if len(out) < n:
                        model.believe(space.encode(config)[None])
        return out

    def _updated(self, space: Space, given: Config) -> _Model:
        model = self._of(space)
        model.update(self._table, given)
        return model

    def _of(self, space: Space) -> _Model:
        if self._model is None or self._model.space != space:
            self._model = _Model(space)
        return self._model


def _known(space: Space, table: Table) -> list[Config]:
    """The known points that are still to come: each is tried once in a run, also where the space grows."""
    if not table.trials or table.trials[0].id != 0:
        points = known_points(space, {})
    else:
        points = known_points(space, table.configs[0], optimizer=table.trials[0].recipe.optimizer)
    return points[table.origins["known"] :]


class _Model:
    """The surrogate of one space, and the choice among candidates.

    Trials that are being tried count with what the model expects of them (the "kriging believer" of Ginsbourger,
    Le Riche & Carraro 2010), so that the next proposal looks elsewhere.
    """

    def __init__(self, space: Space) -> None:
        self.space = space
        options = [len(d.options) if isinstance(d, Choice) else 0 for d in space.domains.values()]
        self.surrogate = Surrogate(np.array(options, int))

    def learn(self, table: Table) -> None:
        """Learn from the scores of a table."""
        self.last = table.utility_NK.shape[1] - 1
        self.surrogate.learn(observed(table, num_settled(len(table.trials))))
        self.surrogate.condition(observed(table))

    def expect(self, x_ND: Array) -> Array:
        """Utility at the last rung [N]."""
        return self.surrogate.expect(x_ND, self.last)

    def update(self, table: Table, given: Config) -> None:
        """Learn from a table, and believe what is expected of its trials without a score. `given` is proposed."""
        self.given_D = self.space.encode(given)
        self.mixture = Mixture(self.space, table)
        self.learn(table)
        mean_N = self.expect(self.surrogate.data.x_ND)
        self.best, self.leader_D = float(mean_N.max()), self.surrogate.data.x_ND[mean_N.argmax()]
        waiting_N = np.isnan(table.utility_NK).all(axis=1) & np.isin(table.status_N, ("running", "waiting"))
        if waiting_N.any():
            self.believe(table.unit_ND[waiting_N][-MOST_WAITING:])

    def believe(self, x_MD: Array) -> None:
        """Take what the model expects of these for observed."""
        mean_M = self.expect(x_MD)
        self.surrogate.add(Observed(x_MD, np.full(len(x_MD), self.last), mean_M))

    def propose(self, rng: np.random.Generator, fresh: Fresh) -> Config | None:
        """The candidate with the highest augmented expected improvement among the new ones; None where none is new.

        Where the model is as sure as noise lets it be one more trial teaches nothing, however good the place is.
        """
        from scipy.special import ndtr

        mixture = self.mixture
        candidates = mixture.points(rng, NUM_SPREAD), mixture.near(rng, NUM_NEAR), mixture.jumps(rng, NUM_JUMPS)
        u_CD = self._with_given(np.concatenate(candidates))
        x_CD = self.space.snap(u_CD)
        mean_C, sd_C = self.surrogate.predict(x_CD, self.last)
        z_C = (mean_C - self.best) / sd_C
        gain_C = sd_C * (z_C * ndtr(z_C) + np.exp(-0.5 * z_C**2) / math.sqrt(2.0 * math.pi))
        noise = self.surrogate.noise_sd()
        gain_C *= 1.0 - noise / np.sqrt(noise**2 + sd_C**2)
        free_D = self.mixture.choice_D & np.isnan(self.given_D)
        if free_D.any() and rng.random() < OTHER_SHARE:
            other_C = self._chooses_otherwise(x_CD[:, free_D], self.leader_D[free_D])
            gain_C = np.where(other_C | ~other_C.any(), gain_C, -1.0)
        best_first = map(self.space.decode, u_CD[np.argsort(-gain_C, kind="stable")])
        return next(filter(fresh.is_new, best_first), None)

    def draw(self, rng: np.random.Generator) -> Config:
        """A draw from the mixture."""
        return self.space.decode(self._with_given(self.mixture.points(rng, 1))[0])

    def _with_given(self, u_CD: Array) -> Array:
        return np.where(np.isnan(self.given_D), u_CD, self.given_D)

    @staticmethod
    def _chooses_otherwise(x_CK: Array, leader_K: Array) -> Array:
        """bool [C]: is an option another one than the leader's?"""
        return np.asarray((np.nan_to_num(x_CK, nan=-1.0) != np.nan_to_num(leader_K, nan=-1.0)).any(axis=1))
