"""How far averaged weights go towards the new ones at each step: functions of the step, so that nothing is kept."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from luthier.algorithms import schedules
from luthier.recipe import Recipe

Float64 = npt.NDArray[np.float64]


def averaging(recipe: Recipe, step: int, num: int, num_steps: int) -> Float64:
    """float64 [num], for steps step .. step + num - 1; 0 where no average is kept.

    ema_decay d: 1 - min(d, t / (t + 1)) at step t: the plain mean until it is as long as the memory of the average,
    so that nothing is left of the start. swa_start: 1 before it, then 1, 1/2, 1/3 ... (Izmailov et al. 2018,
    1803.05407). schedule_free: the square of the largest learning rate so far over the sum of all (2405.15682).
    """
    t: Any = np.arange(step, step + num, dtype=np.float64)
    if recipe.optimizer == "schedule_free":
        return _schedule_free(recipe, num_steps, step, step + num)
    if recipe.ema_decay > 0:
        return np.asarray(1.0 - np.minimum(recipe.ema_decay, t / (t + 1.0)), np.float64)
    if recipe.swa_start is not None:
        first = int(recipe.swa_start * num_steps)
        return np.asarray(1.0 / np.maximum(t - first + 1.0, 1.0), np.float64)
    return np.zeros(num)


def _schedule_free(recipe: Recipe, num_steps: int, first: int, last: int) -> Float64:
    course = (recipe.schedule, recipe.warmup, recipe.final_lr, recipe.schedule_power, recipe.schedule_cycles)
    return _shares(course, num_steps, max(num_steps, last))[first:last]


@lru_cache(maxsize=64)
def _shares(course: tuple[str, float, float, float, int], num_steps: int, last: int) -> Float64:
    """[last] of a whole training."""
    schedule, warmup, final_lr, power, cycles = course
    factors = schedules.factor(
        schedule, np.arange(last), num_steps, warmup=warmup, final_lr=final_lr, power=power, cycles=cycles
    )
    squares = np.maximum.accumulate(factors) ** 2
    return np.asarray(squares / np.cumsum(squares), np.float64)
