"""Where good configurations may lie: everywhere, around what the user does today, around the best so far.

After PriorBand (Mallik et al. 2023, arXiv 2306.12370): proposals come from a mixture of a uniform, a prior and
the neighbourhood of the incumbents. The prior is what the user does today (and points known to serve well). How
much it is trusted is measured: by how much better it explains the best trials than the uniform does. So a bad
prior fades as soon as there is evidence.

Axes: N trials, M incumbents, C points, D settings, all in the unit cube.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from luthier.records import History
from luthier.search.draw import Fresh, generator
from luthier.search.spec import Suggestion
from luthier.search.table import Table
from luthier.space import Choice, Config, Space

Array = npt.NDArray[Any]

PRIOR_SD = 0.2
"""Of a numeric setting around the prior's value, in the unit cube."""
PRIOR_KEEP = 0.7
"""Probability that a choice keeps the prior's option."""
TOP_FRACTION = 0.2
"""Of the trials known at a rung: the incumbents."""
MIN_INCUMBENTS, MAX_INCUMBENTS = 2, 10
FEW = 4
"""Results that a rung must have before incumbents are taken from it."""
MUTATE = 0.6
"""Probability that a setting is changed when an incumbent is copied."""
TOP, NEAR_SD = 5, 0.08
"""Incumbents whose neighbourhood is looked at closely, and how far a setting moves there, give or take a factor."""
MIN_SD, MAX_SD = 0.03, 0.25
"""Bounds of the standard deviation of a numeric change: the spread of the incumbents lies between."""


class Weights(NamedTuple):
    """Shares of the mixture; they add up to 1."""

    uniform: float
    prior: float
    incumbent: float


class PriorSampler:
    """The mixture alone; with too little evidence it is uniform and prior."""

    name = "prior"

    def __init__(self) -> None:
        self._table = Table()

    def suggest(self, space: Space, history: History, key: int, n: int) -> list[Suggestion]:
        """`n` draws from the mixture."""
        self._table.update(space, history)
        rng = generator(key)
        fresh = Fresh(space, self._table, rng)
        mixture = Mixture(space, self._table)
        return [Suggestion(fresh.draw(lambda: mixture.draw(rng)), self.name) for _ in range(n)]


class Mixture:
    """Uniform, prior and incumbents, weighted by the evidence in a table."""

    def __init__(self, space: Space, table: Table) -> None:
        self.space = space
        self.choice_D = np.array([isinstance(d, Choice) for d in space.domains.values()], bool)
        self.size_D = np.array([len(d.options) if isinstance(d, Choice) else 1 for d in space.domains.values()])
        self.prior_D = table.unit_ND[0] if table.trials and table.trials[0].id == 0 else np.full(len(space), np.nan)
        self.incumbents_MD = incumbents(table)
        self.weights = self._weigh(num_valued(table))
        self.sd_D = self._spread()

    def draw(self, rng: np.random.Generator) -> Config:
        """One configuration."""
        return self.space.decode(self.points(rng, 1)[0])

    def points(self, rng: np.random.Generator, num: int) -> Array:
        """`num` points of the unit cube [C, D]."""
        shape = (num, len(self.space))
        part_C1 = np.searchsorted(np.cumsum(self.weights)[:2], rng.random(num), side="right")[:, None]
        u_CD = rng.random(shape)
        prior_CD = self._around(self.prior_D, u_CD, PRIOR_SD, rng.random(shape) > PRIOR_KEEP, rng)
        found_CD = np.where(part_C1 == 1, prior_CD, u_CD)
        if not len(self.incumbents_MD):
            return found_CD
        # the m-th best is copied with a probability proportional to 1 / m
        share_M = np.cumsum(1.0 / np.arange(1, len(self.incumbents_MD) + 1))
        start_CD = self.incumbents_MD[np.searchsorted(share_M[:-1], rng.random(num) * share_M[-1], side="right")]
        mutate_CD = rng.random(shape) < MUTATE
        if len(self.space):
            mutate_CD[np.arange(num), rng.integers(len(self.space), size=num)] = True
        new_choice_CD = rng.random(shape) <= 1.0 / max(2.0, self.choice_D.sum())
        moved_CD = self._around(start_CD, u_CD, self.sd_D, new_choice_CD, rng)
        copied_CD = np.where(mutate_CD | np.isnan(start_CD), moved_CD, start_CD)
        return np.where(part_C1 == 2, copied_CD, found_CD)

    def near(self, rng: np.random.Generator, num: int) -> Array:
        """`num` points near an incumbent, at any distance between a hundredth and a quarter of a range; none without
        any [C, D]."""
        if not len(self.incumbents_MD):
            return np.empty((0, len(self.space)))
        start_CD = self._leaders(rng, num)
        shape, sd_C1 = start_CD.shape, NEAR_SD * 10 ** rng.uniform(-1.0, 0.5, (num, 1))
        moved_CD = self._around(start_CD, rng.random(shape), sd_C1, np.zeros(shape, bool), rng)
        return np.where((rng.random(shape) > MUTATE) & ~np.isnan(start_CD), start_CD, moved_CD)

    def jumps(self, rng: np.random.Generator, num: int) -> Array:
        """`num` points that are an incumbent but for one setting or two, which are drawn from their whole range; none
        without any [C, D]."""
        if not len(self.incumbents_MD):
            return np.empty((0, len(self.space)))
        start_CD = self._leaders(rng, num)
        rank_CD = rng.random(start_CD.shape).argsort(axis=1)
        jumps_CD = rank_CD < rng.integers(1, 3, size=(num, 1))
        return np.where(jumps_CD | np.isnan(start_CD), rng.random(start_CD.shape), start_CD)

    def _leaders(self, rng: np.random.Generator, num: int) -> Array:
        """`num` of the `TOP` incumbents, each as likely [C, D]."""
        return np.asarray(self.incumbents_MD[np.minimum(rng.integers(TOP, size=num), len(self.incumbents_MD) - 1)])

    def _around(
        self, center: Array, uniform_CD: Array, sd: Any, new_choice_CD: Array, rng: np.random.Generator
    ) -> Array:
        """Numbers move by a normal step, reflected at the ends; choices are drawn anew where asked."""
        step_CD = center + sd * rng.standard_normal(uniform_CD.shape)
        step_CD = 1.0 - np.abs(1.0 - np.abs(step_CD) % 2.0)
        choice_CD = np.where(new_choice_CD, uniform_CD, center)
        moved_CD = np.where(self.choice_D, choice_CD, step_CD)
        return np.where(np.isnan(moved_CD), uniform_CD, moved_CD)

    def _weigh(self, num_trials: int) -> Weights:
        """Incumbents have n / (n + 2 D) with n the trials that have a value; likelihood splits the rest."""
        num_dims = len(self.space)
        has_prior = not bool(np.isnan(self.prior_D).all())
        if not len(self.incumbents_MD):
            return Weights(0.5, 0.5, 0.0) if has_prior else Weights(1.0, 0.0, 0.0)
        evidence = num_trials / (num_trials + 2.0 * max(1, num_dims))
        rest = 1.0 - evidence
        trust = self._trust() if has_prior else 0.0
        return Weights(rest * (1.0 - trust), rest * trust, evidence)

    def _trust(self) -> float:
        """Probability in [0, 1) that the best trials come from the prior rather than from the uniform.

        The mean log density per setting of the incumbents under the prior, against 0 of the uniform, as odds.
        """
        log_MD = -0.5 * ((self.incumbents_MD - self.prior_D) / PRIOR_SD) ** 2 - np.log(PRIOR_SD * np.sqrt(2 * np.pi))
        same_MD = np.abs(self.incumbents_MD - self.prior_D) < 1e-9
        kept_D = np.log(PRIOR_KEEP * self.size_D + 1.0 - PRIOR_KEEP)
        other_D = np.log(1.0 - PRIOR_KEEP)
        log_MD = np.where(self.choice_D, np.where(same_MD, kept_D, other_D), log_MD)
        known = ~np.isnan(log_MD)
        if not known.any():
            return 0.0
        odds = np.exp(np.clip(log_MD[known].sum() / known.any(axis=1).sum(), -20.0, 20.0))
        return float(odds / (1.0 + odds))

    def _spread(self) -> Array:
        """How far a numeric setting moves: the standard deviation of the incumbents, within bounds."""
        known_D = (~np.isnan(self.incumbents_MD)).sum(axis=0)
        filled_MD = np.nan_to_num(self.incumbents_MD, nan=0.0)
        mean_D = filled_MD.sum(axis=0) / np.maximum(known_D, 1)
        square_D = np.where(np.isnan(self.incumbents_MD), 0.0, (filled_MD - mean_D) ** 2).sum(axis=0)
        sd_D = np.sqrt(square_D / np.maximum(known_D - 1, 1))
        return np.where(known_D > 1, np.clip(sd_D, MIN_SD, MAX_SD), MAX_SD)


def incumbents(table: Table) -> Array:
    """The best trials of the highest rung with a few results, best first [M, D].

    Equal fractions only: scores of different rungs are not compared. Ties go to the lower id.
    """
    rows, utility = table.utilities(table.level(FEW))
    num_known = len(rows)
    rows, utility = rows[np.isfinite(utility)], utility[np.isfinite(utility)]
    if len(rows) < MIN_INCUMBENTS:
        return np.empty((0, table.unit_ND.shape[1]))
    num = min(max(MIN_INCUMBENTS, round(TOP_FRACTION * num_known)), MAX_INCUMBENTS)
    return table.unit_ND[rows[np.argsort(-utility, kind="stable")[:num]]]


def num_valued(table: Table) -> int:
    """Trials with a finite score at any rung."""
    return int(np.isfinite(table.utility_NK).any(axis=1).sum())
