"""Recurrent layers whose dropout between layers is f(seed, step, layer) at a rate that each trial has for itself.

A twin stands for layers of several levels only: with one level torch drops nothing. Where its rate is 0, and in
evaluation mode, it is torch's own code.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence

from luthier.engines.torch.randomness import Draws, adopt_, twin
from luthier.errors import Unsupported

Hidden = Any
"""h [levels * directions, B, H], or (h, c) of an LSTM."""


def _levels(layer: Any) -> bool:
    return bool(layer.num_layers > 1)


@twin(nn.LSTM, where=_levels)
class LSTMTwin(nn.LSTM):
    """nn.LSTM with the same parameters under the same names, and masks of its own."""

    def __init__(self, layer: nn.LSTM, number: int, draws: Draws) -> None:
        adopt_(self, layer, number, draws)

    def forward(self, input: Any, hx: Hidden = None) -> tuple[Any, Hidden]:
        """As nn.LSTM.forward."""
        if not self.training or self.dropout == 0.0:
            return super().forward(input, hx)
        hs = None if hx is None else list(hx)
        output, (h, c) = _level_by_level(self, torch.lstm, input, hs)
        return output, (h, c)


@twin(nn.GRU, where=_levels)
class GRUTwin(nn.GRU):
    """nn.GRU with the same parameters under the same names, and masks of its own."""

    def __init__(self, layer: nn.GRU, number: int, draws: Draws) -> None:
        adopt_(self, layer, number, draws)

    def forward(self, input: Any, hx: Hidden = None) -> tuple[Any, Hidden]:
        """As nn.GRU.forward."""
        if not self.training or self.dropout == 0.0:
            return super().forward(input, hx)
        output, (h,) = _level_by_level(self, torch.gru, input, None if hx is None else [hx])
        return output, h


@twin(nn.RNN, where=_levels)
class RNNTwin(nn.RNN):
    """nn.RNN with the same parameters under the same names, and masks of its own."""

    def __init__(self, layer: nn.RNN, number: int, draws: Draws) -> None:
        adopt_(self, layer, number, draws)

    def forward(self, input: Any, hx: Hidden = None) -> tuple[Any, Hidden]:
        """As nn.RNN.forward."""
        if not self.training or self.dropout == 0.0:
            return super().forward(input, hx)
        kernel = torch.rnn_tanh if self.nonlinearity == "tanh" else torch.rnn_relu
        output, (h,) = _level_by_level(self, kernel, input, None if hx is None else [hx])
        return output, h


def _level_by_level(
    layer: Any, kernel: Callable[..., Any], x: Any, hidden: list[torch.Tensor] | None
) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """(output, final states), each level a call of its own; what goes from one to the next is multiplied by a mask.

    Raises:
        Unsupported: a packed sequence.
    """
    if isinstance(x, PackedSequence):
        raise Unsupported(
            f"dropout={layer.dropout} between the levels of {type(layer).__bases__[0].__name__} on a packed sequence",
            where="torch engine",
            remedy="Set its dropout to 0, or give it padded sequences",
        )
    at, directions = (0 if layer.batch_first else 1), (2 if layer.bidirectional else 1)
    batched = x.dim() == 3
    if not batched:
        x = x.unsqueeze(at)
        hidden = None if hidden is None else [h.unsqueeze(1) for h in hidden]
    if hidden is None:
        sizes = [layer.proj_size or layer.hidden_size, layer.hidden_size][: 2 if kernel is torch.lstm else 1]
        hidden = [x.new_zeros(layer.num_layers * directions, x.shape[at], size) for size in sizes]
    ends = []
    for level in range(layer.num_layers):
        if level:
            x = x * layer._draws.mask(layer.number, x.shape, [layer.dropout], like=x)[0]
        start = [h[level * directions : (level + 1) * directions] for h in hidden]
        mine = layer._all_weights[level * directions : (level + 1) * directions]
        weights = [getattr(layer, name) for names in mine for name in names]
        settings = (layer.bias, 1, 0.0, True, layer.bidirectional, layer.batch_first)
        x, *end = kernel(x, start if len(start) > 1 else start[0], weights, *settings)
        ends.append(end)
    states = [torch.cat(each) for each in zip(*ends, strict=True)]
    return (x, states) if batched else (x.squeeze(at), [h.squeeze(1) for h in states])
