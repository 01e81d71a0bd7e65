"""The learning rate range test: a short training whose rate rises from nothing to far too much, on several seeds.

After Smith 2017, 1506.01186, with the rate on a log scale. What one such run says depends on its seed and on its end
points, so several are made, and what they say is the centre of a range that is searched, never the answer.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from luthier.engines.spec import Placed, Population, optimizer_numbers
from luthier.errors import TrainingFailed
from luthier.recipe import Recipe
from luthier.space import Float
from luthier.training.batches import Course, make_plan

Array = npt.NDArray[Any]
LOWEST, HIGHEST = 1e-7, 10.0
SMOOTHING = 0.9
"""Of the loss, over steps."""
WORSE = 4.0
"""A seed's run counts up to the step at which the smoothed loss is so many times its best."""
FIRST_FRAC, LAST_STEPS = 0.1, 5
"""Left out at both ends: nothing has happened yet; it is about to diverge."""
FACTOR = 10.0
"""The range reaches so far to both sides of its centre."""


class LrRange(NamedTuple):
    """What a range test says.

    Args:
        center: learning rate of the steepest fall of the loss, geometric mean over the seeds.
        each: that of every seed. lrs: [S] as tried. losses: [seeds, S] smoothed; NaN after the end of a run.
    """

    center: float
    each: tuple[float, ...]
    lrs: Array
    losses: Array

    @property
    def domain(self) -> Float:
        """A range to search: a factor of ten to both sides."""
        return Float(self.center / FACTOR, self.center * FACTOR, log=True)


def lr_range(
    population: Population, data: Placed, recipe: Recipe, *, rows: Array, seeds: tuple[int, ...], num_steps: int = 100
) -> LrRange:
    """Train from fresh weights with a rising rate, once a seed; the recipe's optimizer, decay and clipping are used.
    Rates of parameter groups keep their ratio to the recipe's.

    Args:
        population: of width 1. Nothing of it is changed: each run begins and ends with snapshots of its own.
        rows: training rows.
        num_steps: of each run.

    Raises:
        TrainingFailed: the loss fell on no seed.
    """
    lrs = np.geomspace(LOWEST, HIGHEST, num_steps)
    losses = np.stack([_run(population, data, recipe, rows=rows, seed=seed, lrs=lrs) for seed in seeds])
    each = tuple(lr for loss in losses if (lr := _steepest(lrs, loss)) is not None)
    if not each:
        raise TrainingFailed(
            f"the loss fell on none of {len(seeds)} seeds while the rate rose from {LOWEST:g} to {HIGHEST:g}",
            must="a loss that training lowers",
            where="lr_range",
            remedy="Look at the model and the data with luthier check",
        )
    return LrRange(float(np.exp(np.mean(np.log(each)))), each, lrs, losses)


def _run(population: Population, data: Placed, recipe: Recipe, *, rows: Array, seed: int, lrs: Array) -> Array:
    """Smoothed losses [S]."""
    num = len(lrs)
    plan = make_plan([Course(recipe, seed, rows, num, 0, num)], num)
    factor_G = optimizer_numbers(recipe)["lr"] / np.float32(recipe.lr)
    plan.hparams["lr"][:, 0] = lrs[:, None] * factor_G
    state = population.stack([population.fresh(recipe, seed)])
    _, out = population.advance(state, data, plan)
    smooth, mean = np.full(num, np.nan), 0.0
    for s, loss in enumerate(out["loss"][:, 0]):
        mean = SMOOTHING * mean + (1 - SMOOTHING) * float(loss)
        smooth[s] = mean / (1 - SMOOTHING ** (s + 1))
        if not np.isfinite(smooth[s]) or smooth[s] > WORSE * np.nanmin(smooth):
            smooth[s] = np.nan
            break
    return smooth


def _steepest(lrs: Array, loss: Array) -> float | None:
    """Where the loss falls most for a change of log(lr); None where it does not fall."""
    num = int(np.isfinite(loss).sum())
    first, last = int(FIRST_FRAC * num), num - LAST_STEPS
    if last - first < 3:
        return None
    slope = np.gradient(loss[first:last], np.log(lrs[first:last]))
    at = int(np.argmin(slope))
    return float(lrs[first + at]) if slope[at] < 0 else None
