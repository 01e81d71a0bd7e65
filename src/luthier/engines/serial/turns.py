"""Slots one after another, each by itself: none depends on another, nor on their number."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np

from luthier.engines.grouping import Grouping
from luthier.engines.serial.outside import Outside
from luthier.engines.serial.parts import Arrays, Chunk, Placed, Slot, chunk_of
from luthier.engines.serial.step import told_before
from luthier.engines.spec import Plan
from luthier.recipe import OPTIMIZERS

Curves = dict[int, Any]
"""{slot: (loss_S, grad_norm_S)} of those that trained, on the device or not."""


class Slots(Protocol):
    """The state of a population: slots in their order."""

    def __len__(self) -> int:
        """P."""
        ...

    def __iter__(self) -> Iterator[Slot]:
        """All of them."""
        ...

    def __getitem__(self, p: int, /) -> Slot:
        """Slot p."""
        ...

    def put(self, p: int, slot: Slot) -> Slots:
        """With another trial in slot p."""
        ...

    def keeps(self) -> list[set[str]]:
        """Names of the optimizer's states of each slot."""
        ...


class InTurn(tuple[Slot, ...]):
    """Slots that each have arrays of their own."""

    __slots__ = ()

    def put(self, p: int, slot: Slot) -> InTurn:
        """With another trial in slot p."""
        return InTurn((*self[:p], slot, *self[p + 1 :]))

    def keeps(self) -> list[set[str]]:
        """Names of the optimizer's states of each slot."""
        return [set(slot.arrays.optimizer) for slot in self]


class OneByOne(ABC):
    """A program that trains slots one after another: see `luthier.engines.serial.spec.Program`."""

    grouping: Grouping

    @abstractmethod
    def advance(self, rule: str | Outside, arrays: Arrays, data: Placed, chunk: Chunk) -> tuple[Arrays, Any, Any]:
        """(arrays, loss_S, grad_norm_S) after a chunk of an update rule; `arrays` is consumed."""

    def train(
        self, slots: Slots, data: Placed, plan: Plan, *, outside: Outside | None = None
    ) -> tuple[InTurn, Curves]:
        """The slots after a chunk."""
        after, curves = list(slots), {}
        for p in map(int, np.flatnonzero(plan.steps)):  # a frozen slot is not touched at all
            slot, kind = slots[p], int(plan.kinds[p])
            chunk = chunk_of(slot, plan, p, num_groups=self.grouping.num)
            rule = OPTIMIZERS[kind] if kind >= 0 else _ready(outside, slot, chunk, self.grouping)
            arrays, *curves[p] = self.advance(rule, slot.arrays, data, chunk)
            after[p] = slot._replace(arrays=arrays, step=slot.step + int(plan.steps[p]))
        return InTurn(after), curves


def _ready(outside: Outside | None, slot: Slot, chunk: Chunk, grouping: Grouping) -> Outside:
    """The optimizer of a library, ready for a chunk."""
    assert outside is not None, "checked before"
    weights, lr_G, decay_SG = slot.arrays.weights, chunk.hparams["lr"][0], chunk.hparams["weight_decay"]
    outside.ready(weights, told_before(grouping, weights, lr_G, decay_SG.max(axis=0)))
    return outside
