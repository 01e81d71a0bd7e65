"""Learning rate schedules: the multiplier of the peak rate at a step, as closed formulas.

With T steps in all and W = ceil(warmup T) of them for warm-up, step s (from 0) gets

    (s + 1) / (W + 1)       while s < W: a line from 0 before the first step to 1 at step W,
    f + (1 - f) shape(u)    after it, f = final_lr and u the share of the decay that has gone by.

u is 0 at the first step of the decay and would be 1 at step T, one after the last: no step is wasted where
f = 0. Shapes that need another f than 0 take that of `FLOORS` where it is 0.

Sources: cosine: Loshchilov & Hutter 2017, 1608.03983; linear to zero: Bergsma et al. 2025, 2502.15938; one_cycle:
Smith & Topin 2018, 1708.07120; cyclical: Smith 2017, 1506.01186; warm-up: Goyal et al. 2017, 1706.02677.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from luthier.errors import InvalidInput
from luthier.recipe import SCHEDULES

Float64 = npt.NDArray[np.float64]

WSD_DECAY = 0.2
"""Share of all steps in which the wsd schedule decays. Of 10 to 20 % the longer end; Hägele et al. 2024,
arXiv 2405.18392, who also found 1 - sqrt the best shape."""

FLOORS = {"step": 1e-2, "exponential": 1e-2, "cyclical": 0.1}
"""The end value where none is given, for shapes that are powers of it or return to it."""
ONE_CYCLE_START = 1.0 / 25.0
"""Where the rise of one_cycle begins, as a part of the peak."""
PLATEAU_FACTOR = 0.1
PLATEAU_THRESHOLD = 1e-4
"""A report is progress if the loss is lower by this part of the best one: the defaults of torch."""


class Shape(NamedTuple):
    """What a shape may depend on beside u: the floor f, an exponent, a number of cycles."""

    floor: float
    power: float
    cycles: int


def _triangles(u: Float64, shape: Shape) -> Float64:
    """Up and down again `cycles` times; half a step from its edges, so from f > 0."""
    return np.asarray(1.0 - np.abs(2.0 * ((u * shape.cycles) % 1.0) - 1.0))


def _stairs(u: Float64, shape: Shape) -> Float64:
    """`cycles` plateaus, each the same factor below the last; from 1 down to f."""
    stair = np.minimum(np.floor(u * shape.cycles + 1e-9), shape.cycles - 1)
    return _from_floor(np.power(shape.floor, stair / max(shape.cycles - 1, 1)), shape)


def _from_floor(value: Float64, shape: Shape) -> Float64:
    """The shape whose multiplier f + (1 - f) shape is this value."""
    return np.asarray((value - shape.floor) / (1.0 - shape.floor) if shape.floor < 1.0 else np.ones_like(value))


SHAPES: dict[str, Callable[[Float64, Shape], Float64]] = {
    "constant": lambda u, _: np.ones_like(u),
    "linear": lambda u, _: 1.0 - u,
    "cosine": lambda u, _: 0.5 * (1.0 + np.cos(np.pi * u)),
    "wsd": lambda u, _: 1.0 - np.sqrt(u),
    "step": _stairs,
    "exponential": lambda u, shape: _from_floor(np.power(shape.floor, u), shape),
    "polynomial": lambda u, shape: np.power(1.0 - u, shape.power),
    "one_cycle": lambda u, _: 0.5 * (1.0 + np.cos(np.pi * u)),
    "cyclical": _triangles,
    "plateau": lambda u, _: np.ones_like(u),
}
"""From 1 at u = 0 to 0 at u = 1, apart from those that are level and from the triangles. plateau is level here: its
reductions are counted by `Plateau`."""


def warmup_steps(num_steps: int, warmup: float) -> int:
    """Steps of linear warm-up: ceil(warmup * num_steps), rounding of the product aside."""
    return math.ceil(warmup * num_steps - 1e-9)


def factor(
    schedule: str,
    step: npt.ArrayLike,
    num_steps: int,
    *,
    warmup: float,
    final_lr: float,
    power: float = 2.0,
    cycles: int = 3,
) -> Float64:
    """Multiplier of the peak learning rate, float64 in the shape of `step`.

    Args:
        schedule: one of `recipe.SCHEDULES`.
        step: steps counted from 0; from `num_steps` on the end value holds.
        num_steps: of the whole training.
        warmup: fraction of `num_steps`. The rise of one_cycle is half a cosine from 1/25, of all others a line.
        final_lr: value at the end, as a fraction of the peak; constant and plateau have no end value.
        power: of polynomial. cycles: triangles of cyclical, plateaus of step.

    Raises:
        InvalidInput: unknown schedule.

    >>> factor("linear", [0, 1, 2, 3], 4, warmup=0.0, final_lr=0.0).tolist()
    [1.0, 0.75, 0.5, 0.25]
    """
    if schedule not in SHAPES:
        raise InvalidInput(
            f"schedule={schedule!r}", must=f"one of {', '.join(SCHEDULES)}", where="algorithms.schedules"
        )
    s: Any = np.asarray(step, np.float64)
    rise = warmup_steps(num_steps, warmup)
    start = max(rise, num_steps - math.ceil(WSD_DECAY * num_steps - 1e-9)) if schedule == "wsd" else rise
    u = np.clip((s - start) / max(num_steps - start, 1), 0.0, 1.0)
    floor = 0.0 if schedule in LEVEL else final_lr or FLOORS.get(schedule, 0.0)
    decayed = floor + (1.0 - floor) * SHAPES[schedule](u, Shape(floor, power, cycles))
    risen = np.minimum((s + 1.0) / (rise + 1.0), 1.0)
    if schedule == "one_cycle":
        risen = ONE_CYCLE_START + (1.0 - ONE_CYCLE_START) * 0.5 * (1.0 - np.cos(np.pi * risen))
    return np.asarray(np.where(s < rise, risen, decayed), np.float64)


LEVEL = ("constant", "plateau")


class Plateau(NamedTuple):
    """Where a schedule that waits for progress stands: a pure function of the losses that were reported.

    A learning rate is divided by ten when `patience` + 1 reports in a row brought no progress, as by
    `torch.optim.lr_scheduler.ReduceLROnPlateau`.

    >>> after = Plateau()
    >>> for loss in (1.0, 1.0, 1.0, 1.0):
    ...     after = after.told(loss, patience=2)
    >>> after.factor
    0.1
    """

    best: float = math.inf
    waited: int = 0
    reductions: int = 0

    def told(self, loss: float, *, patience: int) -> Plateau:
        """After a further report."""
        if loss < self.best * (1.0 - PLATEAU_THRESHOLD) or math.isinf(self.best):
            return Plateau(loss, 0, self.reductions)
        if self.waited >= patience:
            return Plateau(self.best, 0, self.reductions + 1)
        return Plateau(self.best, self.waited + 1, self.reductions)

    @property
    def factor(self) -> float:
        """Of the learning rate."""
        return PLATEAU_FACTOR**self.reductions
