"""Rules of functions that layers have too, and of products of matrices, for P slots at once."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from string import ascii_letters
from typing import Any

import torch
from torch.nn import functional

from luthier.engines.torch.grouped import layers, norms
from luthier.engines.torch.grouped.functions import FUNCTIONS, FunctionRule, aligned, function, under
from luthier.engines.torch.grouped.values import Slotted
from luthier.engines.torch.refusal import Refused


def tensor_of(x: Slotted | None) -> torch.Tensor | None:
    """A weight [P, ...]."""
    return None if x is None else x.stacked()


# -------------------------------------------------------------------------------------------- products of matrices


@function(operator.matmul, *under("matmul"), *under("bmm"), *under("mm"), *under("mv"), *under("dot"))
def matmul(x: Slotted, y: Slotted) -> Slotted:
    """As torch's, for each slot."""
    rank_x, rank_y = len(x.shape), len(y.shape)
    if rank_y == 1:
        y_column = Slotted(y.stacked()[..., None], y.P)
        if rank_x == 1:
            return Slotted((x.stacked() * y.stacked()).sum(-1), x.P)
        return Slotted(matmul(x, y_column).data.squeeze(-1), x.P)
    if rank_x == 1:
        return Slotted(matmul(Slotted(x.stacked()[:, None], x.P), y).data.squeeze(-2), x.P)
    if rank_y == 2 and rank_x >= 2:
        return layers.linear(x, y.stacked().mT, None)
    rank = max(rank_x, rank_y)
    return Slotted(torch.matmul(aligned(x, rank), aligned(y, rank)), x.P)


@function(torch.einsum)
def _einsum(equation: str, *operands: Any) -> Slotted:
    values: Sequence[Slotted] = operands[0] if isinstance(operands[0], list | tuple) else operands
    equation = equation.replace(" ", "")
    if "->" not in equation:
        raise Refused(f"has no arrow in {equation!r}", "Name the axes of the result")
    slot = next(letter for letter in ascii_letters if letter not in equation)
    inputs, output = equation.split("->")
    terms = ",".join(slot + term for term in inputs.split(","))
    return Slotted(torch.einsum(f"{terms}->{slot}{output}", *[v.stacked() for v in values]), values[0].P)


@function(functional.linear)
def _linear(input: Slotted, weight: Slotted, bias: Slotted | None = None) -> Slotted:
    return layers.linear(input, weight.stacked(), tensor_of(bias))


@function(functional.embedding)
def _embedding(input: Slotted, weight: Slotted, padding_idx: int | None = None, **settings: Any) -> Slotted:
    settings.pop("norm_type", None)
    if any(settings.values()):
        raise Refused("is called with max_norm, scale_grad_by_freq or sparse", "Leave them out")
    return layers.embedding(input, weight.stacked(), padding_idx)


# ------------------------------------------------------------------------------------ convolutions, pooling, norms


def _convolution(kernel: Callable[..., Any], places: int, names: Sequence[str]) -> FunctionRule:
    def rule(input: Slotted, weight: Slotted, bias: Slotted | None = None, *args: Any, **kwargs: Any) -> Slotted:
        if len(input.shape) != places + 2:
            raise Refused(f"gets an input of {len(input.shape)} axes", "Give it a batch of rows with their channels")
        settings = dict(zip(names, args, strict=False)) | kwargs
        groups = settings.pop("groups", 1)
        return layers.convolution(kernel, input, weight.stacked(), tensor_of(bias), groups=groups, **settings)

    return rule


_CONV = ("stride", "padding", "dilation", "groups")
_TRANSPOSED = ("stride", "padding", "output_padding", "groups", "dilation")
for _name, _places, _settings in (
    ("conv1d", 1, _CONV),
    ("conv2d", 2, _CONV),
    ("conv_transpose1d", 1, _TRANSPOSED),
    ("conv_transpose2d", 2, _TRANSPOSED),
):
    for _target, _called in under(_name).items():
        FUNCTIONS[_target] = _convolution(_called, _places, _settings)


def _by_channel(f: Callable[..., Any], places: int) -> FunctionRule:
    """The rule of a function that takes each channel of [B, C, ...places] for itself."""

    def rule(input: Slotted, *args: Any, **kwargs: Any) -> Slotted:
        if len(input.shape) != places + 2:
            raise Refused(f"gets an input of {len(input.shape)} axes", "Give it a batch of rows with their channels")
        if kwargs.get("return_indices"):
            raise Refused("is called with return_indices", "Leave it out")
        return Slotted(f(input.as_merged(), *args, **kwargs), input.P, merged=True)

    return rule


for _kind in ("max_pool", "avg_pool", "adaptive_avg_pool", "adaptive_max_pool"):
    for _places in (1, 2):
        for _target, _called in under(f"{_kind}{_places}d").items():
            FUNCTIONS[_target] = _by_channel(_called, _places)


@function(functional.interpolate)
def _interpolate(input: Slotted, *args: Any, **kwargs: Any) -> Slotted:
    return Slotted(functional.interpolate(input.as_merged(), *args, **kwargs), input.P, merged=True)


@function(functional.pad)
def _pad(input: Slotted, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Slotted:
    if mode != "constant":
        return Slotted(functional.pad(input.as_merged(), pad, mode), input.P, merged=True)
    if input.merged and len(pad) // 2 <= len(input.shape) - 2:
        return Slotted(functional.pad(input.data, pad, mode, value), input.P, merged=True)
    return Slotted(functional.pad(input.stacked(), pad, mode, value), input.P)


for _called in (functional.pixel_shuffle, functional.pixel_unshuffle):
    FUNCTIONS[_called] = lambda x, *args, f=_called, **kwargs: Slotted(f(x.stacked(), *args, **kwargs), x.P)


@function(functional.layer_norm)
def _layer_norm(
    input: Slotted,
    normalized_shape: Sequence[int],
    weight: Slotted | None = None,
    bias: Slotted | None = None,
    eps: float = 1e-5,
) -> Slotted:
    return norms.layer_norm(input, normalized_shape, tensor_of(weight), tensor_of(bias), eps=eps)


@function(functional.group_norm)
def _group_norm(
    input: Slotted, num_groups: int, weight: Slotted | None = None, bias: Slotted | None = None, eps: float = 1e-5
) -> Slotted:
    return norms.group_norm(input, num_groups, tensor_of(weight), tensor_of(bias), eps=eps)
