"""Slots whose arrays lie side by side, one row each.

Axes: P slots.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from luthier.engines.serial.parts import Arrays, Slot, Tree


class Facts(NamedTuple):
    """What is known of a slot on the host. `keeps`: names of its optimizer's states, sorted."""

    seed: int
    step: int
    rates: Mapping[str, float]
    keeps: tuple[str, ...]

    @classmethod
    def of(cls, slot: Slot) -> Facts:
        """Of a slot with its arrays."""
        return cls(slot.seed, slot.step, slot.rates, tuple(sorted(slot.arrays.optimizer)))


class Movers:
    """Compiled moves of a slot's arrays in and out of their row. They go with the program that owns them."""

    def __init__(self) -> None:
        self.row = jax.jit(_row)
        self.placed = jax.jit(_placed, donate_argnums=0)
        self.room = jax.jit(_room, static_argnums=0)

    def together(self, slots: Iterable[Slot]) -> Beside:
        """All slots side by side. States that only some of them keep are zeros in the rows of the others."""
        slots = list(slots)
        states = {state: tree for slot in slots for state, tree in slot.arrays.optimizer.items()}
        arrays = self.room(len(slots), slots[0].arrays._replace(optimizer=states))
        for p, slot in enumerate(slots):
            arrays = self.placed(arrays, slot.arrays, p)
        return Beside(self, arrays, tuple(map(Facts.of, slots)), {})


class Beside:
    """See `luthier.engines.serial.turns.Slots`. A trial that was put waits until all of them train.

    Args:
        arrays: [P, ...], of the states of all slots together.
        waiting: {p: slot} in the place of rows.
    """

    def __init__(self, movers: Movers, arrays: Arrays, facts: tuple[Facts, ...], waiting: dict[int, Slot]) -> None:
        self._movers, self.arrays, self.facts, self._waiting = movers, arrays, facts, waiting

    def __len__(self) -> int:
        return len(self.facts)

    def __iter__(self) -> Iterator[Slot]:
        return (self[p] for p in range(len(self)))

    def __getitem__(self, p: int, /) -> Slot:
        if not -len(self) <= p < len(self):
            raise IndexError(p)
        p %= len(self)
        if p in self._waiting:
            return self._waiting[p]
        facts = self.facts[p]
        kept = {state: self.arrays.optimizer[state] for state in facts.keeps}
        return Slot(self._movers.row(self.arrays._replace(optimizer=kept), p), facts.seed, facts.step, facts.rates)

    def put(self, p: int, slot: Slot) -> Beside:
        """Another trial in slot p."""
        facts = [*self.facts[:p], Facts.of(slot), *self.facts[p + 1 :]]
        return Beside(self._movers, self.arrays, tuple(facts), self._waiting | {p: slot})

    def keeps(self) -> list[set[str]]:
        """Names of the optimizer's states of each slot."""
        return [set(facts.keeps) for facts in self.facts]

    def settle_(self) -> Arrays:
        """Every trial that waits goes into its row; all arrays."""
        if any(state not in self.arrays.optimizer for facts in self.facts for state in facts.keeps):
            self.arrays = self._movers.together(self).arrays
        else:
            for p, slot in self._waiting.items():
                self.arrays = self._movers.placed(self.arrays, slot.arrays, p)
        self._waiting = {}
        return self.arrays

    def after(self, arrays: Arrays, steps: Sequence[int]) -> Beside:
        """The same trials after so many steps."""
        facts = [facts._replace(step=facts.step + num) for facts, num in zip(self.facts, steps, strict=True)]
        return Beside(self._movers, arrays, tuple(facts), {})


def _room(P: int, like: Arrays) -> Arrays:
    zeros: Arrays = jax.tree.map(lambda array: jnp.zeros((P, *array.shape), array.dtype), like)
    return zeros


def _row(arrays: Arrays, p: Any) -> Arrays:
    row: Arrays = jax.tree.map(lambda array: array[p], arrays)
    return row


def _placed(arrays: Arrays, own: Arrays, p: Any) -> Arrays:
    def put(wide: Tree, mine: Tree) -> Tree:
        return {name: array.at[p].set(mine[name]) if name in mine else array for name, array in wide.items()}

    optimizer = {state: put(tree, own.optimizer.get(state, {})) for state, tree in arrays.optimizer.items()}
    return Arrays(put(arrays.weights, own.weights), optimizer, put(arrays.buffers, own.buffers))
