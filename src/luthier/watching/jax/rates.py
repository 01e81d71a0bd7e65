"""Learning rates of optax that are schedules: what they will be, asked where the optimizer is made."""

from __future__ import annotations

import functools
import sys
from typing import Any

import numpy as np

from luthier.watching.jax.state import State, is_traced, unnoticed
from luthier.watching.patching import Patches
from luthier.watching.programs import Rates
from luthier.watching.sink import guarded

COUNTS = (*range(0, 20, 2), *range(20, 100, 10), *range(100, 1000, 50), *range(1000, 10_000, 1000))
MOST = 16
"""Schedules that are asked."""


def install(state: State, optax: Any, patches: Patches) -> None:
    """Wrap what every optimizer of optax ends in, `scale_by_learning_rate`, and what multiplies its steps."""
    scale, several = optax.scale_by_learning_rate, optax.MultiSteps.__init__
    seen: list[Rates] = []

    @functools.wraps(scale)
    def scale_by_learning_rate(learning_rate: Any = None, **kwargs: Any) -> Any:
        if callable(learning_rate) and not state.looking and not state.traces and len(seen) < MOST:
            guarded(state.sink, "optax: schedule", _ask, state, learning_rate, seen)
        return scale(learning_rate, **kwargs)

    @functools.wraps(several)
    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        for rates in seen:
            rates.multiplied = True
        several(self, *args, **kwargs)

    for owner in (optax, sys.modules[scale.__module__]):
        patches.put(owner, "scale_by_learning_rate", scale_by_learning_rate)
    patches.put(optax.MultiSteps, "__init__", init)


def _ask(state: State, schedule: Any, seen: list[Rates]) -> None:
    with unnoticed(state):
        values = [schedule(count) for count in COUNTS]
    if any(is_traced(value) or np.ndim(value) for value in values):
        return
    rates = Rates(state.sink.place(), COUNTS, tuple(float(np.asarray(value)) for value in values))
    seen.append(rates)
    state.add(rates)
