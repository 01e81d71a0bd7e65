"""Plans for the engine: which rows each step gathers and with which numbers. Pure functions of (seed, step).

The rows of a trial are one endless stream: a fresh permutation of the training rows after another, cut into
batches. Every row is seen once an epoch, every batch is full, and the batch of step s is known without having
taken the steps before it; that is what makes pause, resume and retry exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from luthier.algorithms import schedules
from luthier.engines.spec import GROUPS, HPARAMS, RULES, Plan, optimizer_numbers
from luthier.records import Recipe, derive_seed

Array = npt.NDArray[Any]


class Course(NamedTuple):
    """What a plan needs to know of one trial. `rows` are its training rows; `step` is where it stands."""

    recipe: Recipe
    seed: int
    rows: Array
    num_steps: int
    step: int
    take: int  # steps in this chunk


@lru_cache(maxsize=64)
def _order(seed: int, epoch: int, num_rows: int) -> Array:
    key = derive_seed(seed, "order", epoch)
    return np.random.Generator(np.random.Philox(key)).permutation(num_rows)


def batch_rows(rows: Array, *, seed: int, step: int, num: int, batch_size: int) -> Array:
    """int32 [num, batch_size]: the rows of steps step .. step + num - 1.

    >>> batch_rows(np.arange(3), seed=1, step=0, num=3, batch_size=2).shape
    (3, 2)
    """
    n = len(rows)
    position = np.arange(step * batch_size, (step + num) * batch_size, dtype=np.int64)
    epochs, within = position // n, position % n
    out = np.empty(len(position), np.int32)
    for epoch in range(int(epochs[0]), int(epochs[-1]) + 1):
        here = epochs == epoch
        out[here] = rows[_order(seed, epoch, n)[within[here]]]
    return out.reshape(num, batch_size)


def make_plan(courses: Sequence[Course | None], length: int) -> Plan:
    """The chunk of `length` steps for P slots; None is an empty slot, frozen.

    All courses share one batch size: trials with another are in another group.
    """
    P, S = len(courses), length
    batch_size = next(c.recipe.batch_size for c in courses if c is not None)
    rows_SPB = np.zeros((S, P, batch_size), np.int32)
    hparams = {name: np.zeros((S, P, len(GROUPS)), np.float32) for name in HPARAMS}
    steps_P, kinds_P = np.zeros(P, np.int32), np.zeros(P, np.int32)
    for p, course in enumerate(courses):
        if course is None:
            continue
        steps_P[p], kinds_P[p] = course.take, RULES.index(course.recipe.optimizer)
        rows_SPB[: course.take, p] = batch_rows(
            course.rows, seed=course.seed, step=course.step, num=course.take, batch_size=batch_size
        )
        for name, value_SG in numbers_of(course.recipe, course.num_steps, course.step, S).items():
            hparams[name][:, p] = value_SG
    return Plan(rows_SPB, hparams, steps_P, kinds_P)


def numbers_of(recipe: Recipe, num_steps: int, step: int, num: int) -> dict[str, Array]:
    """{name: float32 [num, G]}: the numbers of steps step .. step + num - 1, the learning rate scheduled."""
    numbers = {name: np.broadcast_to(v, (num, len(v))) for name, v in optimizer_numbers(recipe).items()}
    factor_S = schedules.factor(
        recipe.schedule,
        np.arange(step, step + num),
        num_steps,
        warmup=recipe.warmup,
        final_lr=recipe.final_lr,
    )
    numbers["lr"] = np.asarray(numbers["lr"] * factor_S[:, None], np.float32)
    return numbers


def report_steps(num_steps: int, num_reports: int) -> list[tuple[int, float]]:
    """(step, fraction) of every report of a trial: `num_reports` equal parts of its own schedule."""
    return [(max(1, round(i * num_steps / num_reports)), i / num_reports) for i in range(1, num_reports + 1)]


def step_at(fraction: float, num_steps: int, num_reports: int) -> int:
    """The step of the report at this fraction, which is a multiple of 1 / num_reports."""
    return report_steps(num_steps, num_reports)[round(fraction * num_reports) - 1][0]
