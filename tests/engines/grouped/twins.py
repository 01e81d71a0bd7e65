"""Rules of layers that are deliberately wrong: the comparison with each slot alone must notice every one of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from luthier.engines.torch.grouped import layers
from luthier.engines.torch.grouped.values import LAYERS, Call, LayerRule, Slotted
from luthier.engines.torch.randomness import DropoutTwin


def weights_of_the_first(call: Call, x: Slotted) -> Slotted:
    """Every slot multiplies with the first one's matrix."""
    weight = call.tensors["weight"]
    return layers.linear(x, weight[:1].expand_as(weight), call.tensors["bias"])


def bias_of_the_neighbour(call: Call, x: Slotted) -> Slotted:
    """Biases are one slot off."""
    return layers.linear(x, call.tensors["weight"], call.tensors["bias"].roll(1, 0))


def channels_in_turn(call: Call, x: Slotted) -> Slotted:
    """Outputs of a convolution are read as if the channels, not the slots, came first."""
    y = LAYERS[nn.Conv1d](call, x)
    return Slotted(y.data.unflatten(1, (-1, x.P)).transpose(1, 2).flatten(1, 2), x.P, merged=True)


def running_mean_that_stays(call: Call, x: Slotted) -> Slotted:
    """The running mean does not move."""
    before = call.tensors["running_mean"].clone()
    y = LAYERS[nn.BatchNorm3d](call, x)
    call.tensors["running_mean"].copy_(before)
    return y


def means_over_all_slots(call: Call, x: Slotted) -> Slotted:
    """Mean and variance are those of all slots together."""
    C = x.shape[1]
    y = functional.batch_norm(x.stacked().flatten(0, 1), None, None, training=True)
    scale, shift = (call.tensors[name].view(x.P, 1, C, 1, 1) for name in ("weight", "bias"))
    return Slotted(y.unflatten(0, (x.P, -1)) * scale + shift, x.P)


def padding_that_learns(call: Call, index: Slotted) -> Slotted:
    """The row of padding_idx gets a gradient."""
    return layers.embedding(index, call.tensors["weight"])


def words_of_the_first(call: Call, index: Slotted) -> Slotted:
    """Every slot looks up in the first one's table."""
    return Slotted(functional.embedding(index.stacked(), call.tensors["weight"][0]), index.P)


def the_same_mask_for_all(call: Call, x: Slotted) -> Slotted:
    """All slots drop what the first one drops."""
    assert call.draw is not None
    module: Any = call.module
    mask = call.draw(module.number, module.mask_shape(x.shape), layers.number(call, "p"), x.data)
    return Slotted(x.stacked() * mask[:1], x.P)


def slope_of_the_builder(call: Call, x: Slotted) -> Slotted:
    """The slots' own slopes are not asked for."""
    module: Any = call.module
    return layers.kept(x, functional.leaky_relu(x.data, module.negative_slope))


def gradient_that_stops(call: Call, x: Slotted) -> Slotted:
    """The right output without a way back."""
    return layers.kept(x, torch.tanh(x.data).detach())


WRONG: dict[str, tuple[type[nn.Module], LayerRule, Callable[[], nn.Module], tuple[int, ...]]] = {
    "weights_of_the_first": (nn.Linear, weights_of_the_first, lambda: nn.Linear(6, 4), (5, 6)),
    "bias_of_the_neighbour": (nn.Linear, bias_of_the_neighbour, lambda: nn.Linear(6, 4), (5, 6)),
    "channels_in_turn": (nn.Conv2d, channels_in_turn, lambda: nn.Conv2d(6, 4, 3), (4, 6, 8, 8)),
    "running_mean_that_stays": (nn.BatchNorm2d, running_mean_that_stays, lambda: nn.BatchNorm2d(6), (4, 6, 8, 8)),
    "means_over_all_slots": (nn.BatchNorm2d, means_over_all_slots, lambda: nn.BatchNorm2d(6), (4, 6, 8, 8)),
    "padding_that_learns": (nn.Embedding, padding_that_learns, lambda: nn.Embedding(7, 4, padding_idx=2), (5, 3)),
    "words_of_the_first": (nn.Embedding, words_of_the_first, lambda: nn.Embedding(7, 4), (5, 3)),
    "the_same_mask_for_all": (DropoutTwin, the_same_mask_for_all, lambda: nn.Sequential(nn.Dropout(0.3)), (5, 6)),
    "gradient_that_stops": (nn.Tanh, gradient_that_stops, lambda: nn.Sequential(nn.Tanh(), nn.Linear(6, 4)), (5, 6)),
}
"""Type, wrong rule, a model with it, shape of its input."""
