"""Rules of normalising layers for P slots at once, in training mode: the slots' channels side by side.

A number of a layer in which slots differ takes it from torch's kernel to the formula.

Axes: P slots, B rows of a batch, C channels, N = P * C; `places`: what lies behind the channels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from luthier.engines.torch import statistics as statistics_of
from luthier.engines.torch.grouped.layers import LANES, check_rank, number, refused
from luthier.engines.torch.grouped.values import Call, Constant, Slotted, layer, per_slot


def _flat(tensor: torch.Tensor | None) -> torch.Tensor | None:
    return None if tensor is None else tensor.reshape(-1)


def _by_channel(x: torch.Tensor, weight_PC: torch.Tensor | None, bias_PC: torch.Tensor | None) -> torch.Tensor:
    """x [P, B, C, ...places] times weight plus bias."""
    shape = (len(x), 1, -1, *([1] * (x.ndim - 3)))
    x = x if weight_PC is None else x * weight_PC.reshape(shape)
    return x if bias_PC is None else x + bias_PC.reshape(shape)


def batch_norm(
    x: Slotted,
    running: Sequence[torch.Tensor],
    scale: torch.Tensor | None,
    shift: torch.Tensor | None,
    *,
    momentum: float,
    eps: float,
) -> Slotted:
    """torch's kernel on the channels of all slots; `running` [P, C] (mean and variance, or none) moves on in place.

    Channels-last, the kernel's backward pass rounds the channels beyond the last full vector in another way: the
    place of a slot would show in its bits. So the channels are filled up to whole vectors.
    """
    merged, num = x.as_merged(), x.as_merged().shape[1]
    flat = [r.view(-1) for r in running]
    spare = 0 if merged.ndim == 3 else -num % LANES
    if not spare:
        mean, var = flat or (None, None)
        y = _kernel(merged, mean, var, scale, shift, momentum=momentum, eps=eps)
        return Slotted(y, x.P, merged=True)
    filled = [functional.pad(r, (0, spare)) for r in flat]
    mean, var = filled or (None, None)
    wide = [None if t is None else functional.pad(t, (0, spare)) for t in (scale, shift)]
    last = functional.pad(merged.movedim(1, -1), (0, spare)).movedim(-1, 1)
    y = _kernel(last, mean, var, wide[0], wide[1], momentum=momentum, eps=eps)
    for kept_N, now_N in zip(flat, filled, strict=True):
        kept_N.copy_(now_N[:num])
    # cut off behind the channels, so that the gradient comes back channels-last as well
    return Slotted(y.movedim(1, -1)[..., :num].movedim(-1, 1), x.P, merged=True)


def _kernel(merged: torch.Tensor, *statistics: torch.Tensor | None, momentum: float, eps: float) -> torch.Tensor:
    mean, var, scale, shift = statistics
    if merged.ndim == 4 and statistics_of.is_coarse(merged):
        return statistics_of.batch_norm(merged, (mean, var), scale, shift, momentum=momentum, eps=eps)
    return functional.batch_norm(merged, mean, var, scale, shift, True, momentum, eps)


@layer(nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
def _batch_norm(call: Call, x: Slotted) -> Slotted:
    """Means and variances over rows and places, of each slot's channels; running ones move on."""
    module: Any = call.module
    if module.momentum is None:
        raise refused(call, "has momentum=None", "Give it a number")
    check_rank(call, x, *{nn.BatchNorm1d: (2, 3), nn.BatchNorm2d: (4,), nn.BatchNorm3d: (5,)}[type(module)])
    tensors = call.tensors
    scale, shift = tensors.get("weight"), tensors.get("bias")
    running = [tensors[name] for name in ("running_mean", "running_var") if name in tensors]
    if running:
        tensors["num_batches_tracked"].add_(1)
    momentum, eps = number(call, "momentum"), number(call, "eps")
    if isinstance(momentum, float) and isinstance(eps, float):
        return batch_norm(x, running, _flat(scale), _flat(shift), momentum=momentum, eps=eps)
    now = [torch.zeros_like(r) for r in running]
    if isinstance(eps, float):  # the momentum only concerns what is kept: the kernel measures, momentum 1 keeps all
        found = batch_norm(x, now, _flat(scale), _flat(shift), momentum=1.0, eps=eps)
    else:
        stacked = x.stacked()
        dims = (1, *range(3, stacked.ndim))
        if running:
            now = [stacked.detach().mean(dims), stacked.detach().var(dims)]
        y = statistics_of.normalised(stacked, dims, per_slot(eps, stacked.ndim))
        found = Slotted(_by_channel(y, scale, shift), x.P)
    factor = per_slot(momentum, 2)
    for kept_PC, now_PC in zip(running, now, strict=True):
        kept_PC.mul_(1 - factor).add_(factor * now_PC)
    return found


def layer_norm(
    x: Slotted, shape: Sequence[int], weight: torch.Tensor | None, bias: torch.Tensor | None, *, eps: Constant
) -> Slotted:
    """Over the last axes, which have this shape; weight and bias [P, *shape]."""
    stacked = x.stacked()
    if isinstance(eps, float):
        y = functional.layer_norm(stacked, tuple(shape), None, None, eps)
    else:
        y = statistics_of.normalised(stacked, tuple(range(-len(shape), 0)), per_slot(eps, stacked.ndim))
    return Slotted(_by_feature(y, weight, bias), x.P)


def _by_feature(y: torch.Tensor, weight: torch.Tensor | None, bias: torch.Tensor | None) -> torch.Tensor:
    """y [P, ..., *shape] times weight plus bias [P, *shape]."""
    lead = (slice(None), *([None] * (y.ndim - (weight.ndim if weight is not None else 0))))
    if weight is not None and bias is not None:
        return torch.addcmul(bias[lead], y, weight[lead])
    return y if weight is None else y * weight[lead]


@layer(nn.LayerNorm)
def _layer_norm(call: Call, x: Slotted) -> Slotted:
    module: Any = call.module
    return layer_norm(
        x, module.normalized_shape, call.tensors.get("weight"), call.tensors.get("bias"), eps=number(call, "eps")
    )


@layer(nn.RMSNorm)
def _rms_norm(call: Call, x: Slotted) -> Slotted:
    module: Any = call.module
    y = functional.rms_norm(x.stacked(), tuple(module.normalized_shape), None, module.eps)
    return Slotted(_by_feature(y, call.tensors.get("weight"), None), x.P)


def group_norm(
    x: Slotted, num_groups: int, weight: torch.Tensor | None, bias: torch.Tensor | None, *, eps: Constant
) -> Slotted:
    """Over groups of channels and all places of x [B, C, ...places]; weight and bias [P, C]."""
    if isinstance(eps, float):
        return Slotted(
            functional.group_norm(x.as_merged(), x.P * num_groups, _flat(weight), _flat(bias), eps), x.P, merged=True
        )
    grouped = x.stacked().unflatten(2, (num_groups, -1))
    y = statistics_of.normalised(grouped, tuple(range(3, grouped.ndim)), per_slot(eps, grouped.ndim)).flatten(2, 3)
    return Slotted(_by_channel(y, weight, bias), x.P)


@layer(nn.GroupNorm)
def _group_norm(call: Call, x: Slotted) -> Slotted:
    module: Any = call.module
    return group_norm(
        x, module.num_groups, call.tensors.get("weight"), call.tensors.get("bias"), eps=number(call, "eps")
    )


@layer(nn.InstanceNorm1d, nn.InstanceNorm2d)
def _instance_norm(call: Call, x: Slotted) -> Slotted:
    module: Any = call.module
    if module.track_running_stats:
        raise refused(call, "has track_running_stats=True", "Leave it out: it has no effect on training")
    check_rank(call, x, {nn.InstanceNorm1d: 3, nn.InstanceNorm2d: 4}[type(module)])
    scale, shift = _flat(call.tensors.get("weight")), _flat(call.tensors.get("bias"))
    return Slotted(
        functional.instance_norm(x.as_merged(), None, None, scale, shift, True, 0.0, module.eps), x.P, merged=True
    )
