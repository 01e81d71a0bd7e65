"""What flows through a grouped model: the values of P slots at once, and what a layer rule is handed.

Axes: P slots, B rows of a batch, C channels, H and W places, D features.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import torch
from torch import nn

Constant: TypeAlias = float | torch.Tensor
"""A number of a layer (dropout rate, slope, epsilon): a float where all slots agree, else [P]."""
Draw = Callable[[int, Sequence[int], Constant, torch.Tensor], torch.Tensor]
"""(number of the layer, shape of one slot's mask, rates, like) -> mask [P, *shape], scaled by 1 / kept share."""


@dataclass(frozen=True)
class Slotted:
    """A value of P slots in one of two layouts.

    Args:
        data: stacked: [P, B, ...]; merged: [B, P * C, ...places], channels-last in memory where it has two places:
            what grouped convolutions, pooling and batch normalisation want.
        P: number of slots.
        merged: which of the two.
    """

    data: torch.Tensor
    P: int
    merged: bool = False

    @property
    def shape(self) -> torch.Size:
        """As one slot sees it: [B, ...]."""
        if not self.merged:
            return self.data.shape[1:]
        B, channels, *places = self.data.shape
        return torch.Size((B, channels // self.P, *places))

    def stacked(self) -> torch.Tensor:
        """[P, B, ...]; a view, whose memory is not contiguous where the value was merged."""
        return self.data.unflatten(1, (self.P, -1)).transpose(0, 1) if self.merged else self.data

    def as_merged(self) -> torch.Tensor:
        """[B, P * C, ...places] of a value [B, C, ...places], channels-last where it has two places."""
        if self.merged:
            return self.data
        merged = self.data.transpose(0, 1).flatten(1, 2)
        return merged.contiguous(memory_format=torch.channels_last) if merged.ndim == 4 else merged


@dataclass(frozen=True)
class Call:
    """What the rule of a layer is handed beside its inputs.

    Args:
        module: the layer as the builder made it, in training mode: read what is the same for all slots from it.
        path: its name in the model, for refusals.
        tensors: its own parameters and buffers by their local names ("weight", "running_mean"), [P, ...].
            Parameters take part in the gradient; buffers are changed in place.
        constants: its lifted numbers by their names ("p", "negative_slope", "eps").
        draw: masks.
    """

    module: nn.Module
    path: str
    tensors: Mapping[str, torch.Tensor]
    constants: Mapping[str, Constant] = field(default_factory=dict)
    draw: Draw | None = None


LayerRule = Callable[..., Any]
"""(call, *inputs, **inputs) -> Slotted (or a tuple of them): the layer applied to the inputs of P slots."""
LAYERS: dict[type[nn.Module], LayerRule] = {}
"""By exact type: a subclass may do something else."""


def layer(*types: type[nn.Module]) -> Callable[[LayerRule], LayerRule]:
    """Register a rule for layers of these types."""

    def register(rule: LayerRule) -> LayerRule:
        LAYERS.update(dict.fromkeys(types, rule))
        return rule

    return register


def per_slot(constant: Constant, ndim: int) -> Constant:
    """A constant as it broadcasts against a stacked value with `ndim` axes."""
    return constant if isinstance(constant, float) else constant.view(-1, *([1] * (ndim - 1)))
