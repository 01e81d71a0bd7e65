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

from luthier.algorithms import averages, mixing, schedules
from luthier.engines.grouping import Grouping
from luthier.engines.spec import HPARAMS, Plan, kind_of, optimizer_numbers
from luthier.errors import InvalidInput
from luthier.recipe import Recipe
from luthier.records import derive_seed

Array = npt.NDArray[Any]


class Course(NamedTuple):
    """What a plan needs to know of one trial. `rows` are its training rows; `step` is where it stands."""

    recipe: Recipe
    seed: int
    rows: Array
    num_steps: int
    step: int
    take: int  # steps in this chunk
    scale: float = 1.0  # of the learning rate, by a schedule that waits for progress


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


def make_plan(courses: Sequence[Course | None], length: int, targets: Array | None = None) -> Plan:
    """The chunk of `length` steps for P slots; None is an empty slot, frozen.

    All courses share one batch size and the names of their parameter groups: trials with others are in another group.
    `targets` of all placed rows are asked for where a recipe has class weights.
    """
    P, S = len(courses), length
    first = next(c.recipe for c in courses if c is not None)
    batch_size = first.batch_size
    rows_SPB = np.zeros((S, P, batch_size), np.int32)
    block_NSPG = np.zeros((len(HPARAMS), S, P, Grouping.of(first).num), np.float32)
    hparams = dict(zip(HPARAMS, block_NSPG, strict=True))
    steps_P, kinds_P = np.zeros(P, np.int32), np.zeros(P, np.int32)
    weights_SPB = _row_weights(courses, rows_SPB.shape)
    for p, course in enumerate(courses):
        if course is None:
            continue
        steps_P[p], kinds_P[p] = course.take, kind_of(course.recipe)
        rows_SPB[: course.take, p] = batch_rows(
            course.rows, seed=course.seed, step=course.step, num=course.take, batch_size=batch_size
        )
        still = optimizer_numbers(course.recipe)
        block_NSPG[:, :, p] = np.stack([still[name] for name in HPARAMS])[:, None]
        for name, value_SG in _moving(still, course.recipe, course.num_steps, step=course.step, num=S).items():
            hparams[name][:, p] = value_SG
        hparams["lr"][:, p] *= np.float32(course.scale)
        if course.recipe.mixup > 0 or course.recipe.cutmix > 0:
            for s in range(course.take):
                for name, value in mixing.draw(course.recipe, course.seed, course.step + s)._asdict().items():
                    hparams[name][s, p] = value
        if weights_SPB is not None:
            assert targets is not None, "class weights follow from the targets"
            weights_SPB[:, p] = class_weights(course.recipe, course.rows, targets)[rows_SPB[:, p]]
    return Plan(rows_SPB, hparams, steps_P, kinds_P, weights_SPB)


def _row_weights(courses: Sequence[Course | None], shape: tuple[int, ...]) -> Array | None:
    """Ones [S, P, B]; None where no recipe asks for weights."""
    asked = any(course is not None and course.recipe.class_weights for course in courses)
    return np.ones(shape, np.float32) if asked else None


def class_weights(recipe: Recipe, rows: Array, targets: Array) -> Array:
    """float32 [all rows]: n / (K n_c) for the n_c of the n training rows that are of its class, K classes in all.

    Every class has the same share of the loss; the mean over the training rows is 1 (King & Zeng 2001).

    Raises:
        InvalidInput: the targets are no classes.
    """
    if not recipe.class_weights:
        return np.ones(len(targets), np.float32)
    if not np.issubdtype(targets.dtype, np.integer):
        raise InvalidInput(
            f"class_weights={recipe.class_weights!r}",
            must="the targets are classes",
            where="recipe",
            remedy="Leave class_weights out for real values",
        )
    counts = np.bincount(targets[rows], minlength=int(targets.max()) + 1)
    of_class = len(rows) / (np.count_nonzero(counts) * np.maximum(counts, 1))
    return np.asarray(of_class[targets], np.float32)


def numbers_of(recipe: Recipe, num_steps: int, step: int, num: int) -> dict[str, Array]:
    """{name: float32 [num, G]}: the numbers of steps step .. step + num - 1, with all that follows from the step."""
    still = optimizer_numbers(recipe)
    numbers = {name: np.broadcast_to(v, (num, len(v))) for name, v in still.items()}
    return numbers | _moving(still, recipe, num_steps, step=step, num=num)


def _moving(still: dict[str, Array], recipe: Recipe, num_steps: int, *, step: int, num: int) -> dict[str, Array]:
    """Those of the numbers that follow from the step. `still`: before any schedule."""
    numbers: dict[str, Array] = {}
    if recipe.optimizer == "schedule_free" or recipe.ema_decay > 0 or recipe.swa_start is not None:
        shares = averages.averaging(recipe, step, num, num_steps)
        numbers["averaging"] = np.repeat(shares[:, None], len(still["lr"]), 1).astype(np.float32)
    if recipe.eps_hat:  # Keras: eps before the bias correction of v
        t = np.arange(step + 1, step + num + 1, dtype=np.float64)[:, None]
        of_groups = any("beta2" in own for own in recipe.groups.values())
        beta2 = still["beta2"].astype(np.float64) if of_groups else np.float64(recipe.beta2)
        numbers["eps"] = np.asarray(still["eps"] / np.sqrt(1.0 - beta2**t), np.float32)
    factor_S = schedules.factor(
        recipe.schedule,
        np.arange(step, step + num),
        num_steps,
        warmup=recipe.warmup,
        final_lr=recipe.final_lr,
        power=recipe.schedule_power,
        cycles=recipe.schedule_cycles,
    )
    numbers["lr"] = np.asarray(still["lr"] * factor_S[:, None], np.float32)
    return numbers


@lru_cache(maxsize=256)
def report_steps(num_steps: int, num_reports: int) -> tuple[tuple[int, float], ...]:
    """(step, fraction) of every report of a trial: `num_reports` equal parts of its own schedule."""
    return tuple((max(1, round(i * num_steps / num_reports)), i / num_reports) for i in range(1, num_reports + 1))


def step_at(fraction: float, num_steps: int, num_reports: int) -> int:
    """The step of the report at this fraction, which is a multiple of 1 / num_reports."""
    return report_steps(num_steps, num_reports)[round(fraction * num_reports) - 1][0]
