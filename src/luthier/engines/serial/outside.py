"""Optimizers that luthier did not write, as pure functions: what a step of one slot asks of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

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


class Outside(Protocol):
    """An optimizer of a library. Those that are equal compile to the same; so they may stand in a key."""

    def begin(self, weights: Tree, told: Told) -> Tree:
        """What it keeps before the first step, flat: {name: numpy array}. Called with arrays, not while compiling.

        Raises:
            Unsupported: it can not train these weights.
        """
        ...

    def ready(self, weights: Tree, told: Told) -> None:
        """Make what can not be made while compiling; called before each chunk, and quick from the second time on."""
        ...

    def step(self, grads: Tree, state: Tree, *, weights: Tree, told: Told) -> tuple[Tree, Tree]:
        """(weights, state) after a step; called while compiling."""
        ...


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
