"""Optimizers that luthier did not write, as pure functions: what a step of one slot asks of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, NamedTuple

from luthier.engines.outside import Maker
from luthier.engines.spec import Array
from luthier.errors import Unsupported

Tree = dict[str, Any]


class Told(NamedTuple):
    """What such an optimizer is told in a step.

    Args:
        lr: of the slot. factors: {weight: its learning rate as a part of `lr`}; None where it is 1 for all.
        weight_decay: of the weights that `decays` says have one.
        loss: of the batch.
    """

    lr: Any
    weight_decay: Any
    decays: Mapping[str, bool]
    factors: Mapping[str, Any] | None = None
    loss: Any = None


class Outside(ABC):
    """An optimizer of a library. Those that make the same are equal and compile to the same: they may stand in a key.

    Args:
        where: the engine, for messages.
    """

    def __init__(self, maker: Maker, where: str) -> None:
        self._maker, self._where = maker, where

    def __eq__(self, other: object) -> bool:
        """Do both make the same?"""
        return isinstance(other, Outside) and type(other) is type(self) and self._maker.key == other._maker.key

    def __hash__(self) -> int:
        """Equal ones have one key."""
        return hash(self._maker.key[:2])

    @abstractmethod
    def begin(self, weights: Tree, told: Told) -> Tree:
        """What it keeps before the first step, flat: {name: numpy array}. Called with arrays, not while compiling.

        Raises:
            Unsupported: it can not train these weights.
        """

    @abstractmethod
    def ready(self, weights: Tree, told: Told) -> None:
        """Make what can not be made while compiling; called before each chunk, and quick from the second time on."""

    @abstractmethod
    def step(self, grads: Tree, state: Tree, *, weights: Tree, told: Told) -> tuple[Tree, Tree]:
        """(weights, state) after a step; called while compiling."""


def decays_of(decay: Array) -> tuple[bool, ...]:
    """Which groups [.., G] have weight decay.

    Raises:
        Unsupported: two have, and not the same.
    """
    by_group = decay.reshape(-1, decay.shape[-1])
    found = by_group.max(axis=0)
    if len({float(value) for value in found if value > 0}) > 1:
        raise Unsupported(
            f"weight_decay={[round(float(v), 8) for v in found]} in the groups of weights",
            must="one weight decay, or none, for each group",
            where="optimizer of a library",
            remedy="Take a rule of the rulebook for several",
        )
    return tuple(bool(value > 0) for value in found)


def part_way(before: Tree, after: Tree, factors: Mapping[str, Any]) -> Tree:
    """Weights that went a part of the way from before to after."""
    return {name: before[name] + factors[name] * (value - before[name]) for name, value in after.items()}
