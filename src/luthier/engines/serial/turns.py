"""Slots one after another, each by itself: none depends on another, nor on their number."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from luthier.engines.serial.parts import Arrays, Chunk, Placed, Slot, chunk_of
from luthier.engines.spec import Plan
from luthier.recipe import OPTIMIZERS

Curves = dict[int, Any]
"""{slot: (loss_S, grad_norm_S)} of those that trained, on the device or not."""
Advance = Callable[[str, Arrays, Placed, Chunk], tuple[Arrays, Any, Any]]
"""(rule, arrays, data, chunk) -> (arrays, loss_S, grad_norm_S); arrays are consumed."""


def trained(advance: Advance, slots: Sequence[Slot], data: Placed, plan: Plan) -> tuple[list[Slot], Curves]:
    """The slots after a chunk."""
    after, curves = list(slots), {}
    for p in map(int, np.flatnonzero(plan.steps)):  # a frozen slot is not touched at all
        slot, rule = slots[p], OPTIMIZERS[plan.kinds[p]]
        arrays, *curves[p] = advance(rule, slot.arrays, data, chunk_of(slot, plan, p))
        after[p] = slot._replace(arrays=arrays, step=slot.step + int(plan.steps[p]))
    return after, curves


def replaced(slots: Sequence[Slot], p: int, slot: Slot) -> list[Slot]:
    """The slots with another trial in place p."""
    return [*slots[:p], slot, *slots[p + 1 :]]
