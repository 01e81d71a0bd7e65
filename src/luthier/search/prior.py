"""Where good configurations may lie: everywhere, around what the user does today, around the best so far.

After PriorBand (Mallik et al. 2023, arXiv 2306.12370): proposals come from a mixture of a uniform, a prior and
the neighbourhood of the incumbents. The prior is what the user does today (and points known to serve well). How
much it is trusted is measured: by how much better it explains the best trials than the uniform does. So a bad
prior fades as soon as there is evidence.

Axes: N trials, M incumbents, D settings, all in the unit cube.
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
        return self.space.decode(self._point(rng))

    def near(self, rng: np.random.Generator) -> Config | None:
        """One near an incumbent, at any distance between a hundredth and a quarter of a range; None without any."""
        if not len(self.incumbents_MD):
            return None
        start_D = self.incumbents_MD[min(int(rng.integers(TOP)), len(self.incumbents_MD) - 1)]
        uniform_D, same_D = rng.random(len(start_D)), np.zeros(len(start_D), bool)
        moved_D = self._around(start_D, uniform_D, NEAR_SD * 10 ** rng.uniform(-1.0, 0.5), same_D, rng)
        keep_D = (rng.random(len(start_D)) > MUTATE) & ~np.isnan(start_D)
        return self.space.decode(np.where(keep_D, start_D, moved_D))

    def _point(self, rng: np.random.Generator) -> Array:
        num_dims = len(self.space)
        part = rng.choice(3, p=self.weights)
        u_D = rng.random(num_dims)
        if part == 1:
            u_D = self._around(self.prior_D, u_D, PRIOR_SD, rng.random(num_dims) > PRIOR_KEEP, rng)
        elif part == 2:
            # the m-th best is copied with a probability proportional to 1 / m
            rank_M = 1.0 / np.arange(1, len(self.incumbents_MD) + 1)
            start_D = self.incumbents_MD[rng.choice(len(rank_M), p=rank_M / rank_M.sum())]
            mutate_D = rng.random(num_dims) < MUTATE
            if num_dims:
                mutate_D[rng.integers(num_dims)] = True
            keep_choice_D = rng.random(num_dims) > 1.0 / max(2.0, self.choice_D.sum())
            moved_D = self._around(start_D, u_D, self.sd_D, ~keep_choice_D, rng)
            u_D = np.where(mutate_D | np.isnan(start_D), moved_D, start_D)
        return u_D

    def _around(
        self, center_D: Array, uniform_D: Array, sd: Any, new_choice_D: Array, rng: np.random.Generator
    ) -> Array:
        """Numbers move by a normal step, reflected at the ends; choices are drawn anew where asked."""
        step_D = center_D + sd * rng.standard_normal(len(center_D))
        step_D = 1.0 - np.abs(1.0 - np.abs(step_D) % 2.0)
        choice_D = np.where(new_choice_D, uniform_D, center_D)
        moved_D = np.where(self.choice_D, choice_D, step_D)
        return np.where(np.isnan(moved_D), uniform_D, moved_D)

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
