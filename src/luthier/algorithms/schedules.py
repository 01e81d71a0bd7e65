"""Learning rate schedules: the multiplier of the peak rate at a step, as closed formulas.

With T steps in all and W = ceil(warmup T) of them for warm-up, step s (from 0) gets

    (s + 1) / (W + 1)       while s < W: a line from 0 before the first step to 1 at step W,
    f + (1 - f) shape(u)    after it, f = final_lr and u the share of the decay that has gone by.

u is 0 at the first step of the decay and would be 1 at step T, one after the last: no step is wasted where
f = 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from luthier.errors import InvalidInput
from luthier.records import SCHEDULES

Float64 = npt.NDArray[np.float64]

WSD_DECAY = 0.2
"""Share of all steps in which the wsd schedule decays. Of 10 to 20 % the longer end; Hägele et al. 2024,
arXiv 2405.18392, who also found 1 - sqrt the best shape."""

SHAPES: dict[str, Callable[[Float64], Float64]] = {
    "constant": np.ones_like,
    "linear": lambda u: 1.0 - u,
    "cosine": lambda u: 0.5 * (1.0 + np.cos(np.pi * u)),
    "wsd": lambda u: 1.0 - np.sqrt(u),
}
"""From 1 at u = 0 to 0 at u = 1, apart from the constant."""


def warmup_steps(num_steps: int, warmup: float) -> int:
    """Steps of linear warm-up: ceil(warmup * num_steps), rounding of the product aside."""
    return math.ceil(warmup * num_steps - 1e-9)


def factor(schedule: str, step: npt.ArrayLike, num_steps: int, *, warmup: float, final_lr: float) -> Float64:
    """Multiplier of the peak learning rate, float64 in the shape of `step`.

    Args:
        schedule: one of `records.SCHEDULES`.
        step: steps counted from 0; from `num_steps` on the end value holds.
        num_steps: of the whole training.
        warmup: fraction of `num_steps`.
        final_lr: value at the end, as a fraction of the peak; the constant schedule has no end value.

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
    floor = 0.0 if schedule == "constant" else final_lr
    decayed = floor + (1.0 - floor) * SHAPES[schedule](u)
    return np.asarray(np.where(s < rise, (s + 1.0) / (rise + 1.0), decayed), np.float64)
