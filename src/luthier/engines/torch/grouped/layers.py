"""Rules of torch's layers for P slots at once, in training mode.

Kernels: products of matrices as one batched product; convolutions, pooling and batch normalisation with the slots'
channels side by side, channels-last in memory. A number of a layer in which slots differ takes it to the formula.

Axes: P slots, B rows of a batch, C channels, D and O features, V words; `places`: what lies behind the channels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from luthier.engines.torch.grouped.values import Call, Constant, Slotted, layer, per_slot
from luthier.engines.torch.randomness import DropoutTwin
from luthier.engines.torch.refusal import Refused

LANES = 16
"""float32 numbers in the widest vector of a CPU."""


def kept(x: Slotted, data: torch.Tensor) -> Slotted:
    """A value in the layout of x."""
    return Slotted(data, x.P, x.merged)


def refused(call: Call, what: str, mend: str) -> Refused:
    """A layer whose setting has no rule."""
    return Refused(f"{call.path or 'the model'} ({type(call.module).__name__}) {what}", mend)


def number(call: Call, name: str) -> Constant:
    """A lifted number: of the slots, or as the builder set it."""
    found = call.constants.get(name)
    return float(getattr(call.module, name)) if found is None else found


# -------------------------------------------------------------------------------------------- products of matrices


def linear(x: Slotted, weight_POD: torch.Tensor, bias_PO: torch.Tensor | None) -> Slotted:
    """x [B, ..., D] -> [B, ..., O]."""
    x_PND = x.stacked()
    lead = x_PND.shape[1:-1]
    if x_PND.ndim != 3:
        x_PND = x_PND.reshape(x.P, -1, x_PND.shape[-1])
    weight_PDO = weight_POD.mT
    y = torch.bmm(x_PND, weight_PDO) if bias_PO is None else torch.baddbmm(bias_PO[:, None], x_PND, weight_PDO)
    return Slotted(y if len(lead) == 1 else y.unflatten(1, lead) if lead else y[:, 0], x.P)


@layer(nn.Linear)
def _linear(call: Call, x: Slotted) -> Slotted:
    return linear(x, call.tensors["weight"], call.tensors.get("bias"))


def embedding(index: Slotted, weight_PVD: torch.Tensor, padding_idx: int | None = None) -> Slotted:
    """Rows of the slots' tables; that of `padding_idx` gets no gradient."""
    P, V, _ = weight_PVD.shape
    if padding_idx is not None:
        pad = padding_idx % V
        before, row, after = weight_PVD.split([pad, 1, V - pad - 1], 1)
        weight_PVD = torch.cat([before, row.detach(), after], 1)
    stacked = index.stacked()
    offset = torch.arange(0, P * V, V, device=stacked.device).view(-1, *([1] * (stacked.ndim - 1)))
    return Slotted(functional.embedding(stacked + offset, weight_PVD.reshape(P * V, -1)), P)


@layer(nn.Embedding)
def _embedding(call: Call, index: Slotted) -> Slotted:
    module: Any = call.module
    for name, unset in (("max_norm", None), ("scale_grad_by_freq", False), ("sparse", False)):
        if getattr(module, name) != unset:
            raise refused(call, f"has {name}={getattr(module, name)}", f"Leave out {name}")
    return embedding(index, call.tensors["weight"], module.padding_idx)


# ------------------------------------------------------------------------------------------------- convolutions


def convolution(
    kernel: Callable[..., Any],
    x: Slotted,
    weight: torch.Tensor,
    bias: torch.Tensor | None,
    *,
    groups: int,
    **settings: Any,
) -> Slotted:
    """x [B, C, ...places]; `kernel` of torch.nn.functional; weight [P, out, in, ...], bias [P, out].

    Every slot's channels are a group (or `groups` of them) of one convolution.
    """
    merged = x.as_merged()
    weight = weight.flatten(0, 1)
    if weight.ndim == 4:
        weight = weight.contiguous(memory_format=torch.channels_last)
    shift = None if bias is None else bias.flatten()
    return Slotted(kernel(merged, weight, shift, groups=x.P * groups, **settings), x.P, merged=True)


def _rank_of(call: Call, x: Slotted, *ranks: int) -> None:
    if len(x.shape) not in ranks:
        raise refused(call, f"gets an input of {len(x.shape)} axes", "Give it a batch of rows with their channels")


@layer(nn.Conv1d, nn.Conv2d, nn.Conv3d)
def _conv(call: Call, x: Slotted) -> Slotted:
    module: Any = call.module
    if module.padding_mode != "zeros":
        raise refused(call, f"has padding_mode={module.padding_mode!r}", "Use padding_mode='zeros'")
    places = len(module.kernel_size)
    _rank_of(call, x, places + 2)
    kernel = (functional.conv1d, functional.conv2d, functional.conv3d)[places - 1]
    return convolution(
        kernel,
        x,
        call.tensors["weight"],
        call.tensors.get("bias"),
        stride=module.stride,
        padding=module.padding,
        dilation=module.dilation,
        groups=module.groups,
    )


@layer(nn.ConvTranspose1d, nn.ConvTranspose2d)
def _conv_transpose(call: Call, x: Slotted) -> Slotted:
    module: Any = call.module
    places = len(module.kernel_size)
    _rank_of(call, x, places + 2)
    kernel = (functional.conv_transpose1d, functional.conv_transpose2d)[places - 1]
    return convolution(
        kernel,
        x,
        call.tensors["weight"],
        call.tensors.get("bias"),
        stride=module.stride,
        padding=module.padding,
        output_padding=module.output_padding,
        dilation=module.dilation,
        groups=module.groups,
    )


# ------------------------------------------------------------------------------------------------ normalisation


def _flat(tensor: torch.Tensor | None) -> torch.Tensor | None:
    return None if tensor is None else tensor.reshape(-1)


def _normalised(x: torch.Tensor, dims: Sequence[int], eps: Constant) -> torch.Tensor:
    centred = x - x.mean(dims, keepdim=True)
    return centred / (centred.square().mean(dims, keepdim=True) + per_slot(eps, x.ndim)).sqrt()


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
        y = functional.batch_norm(merged, mean, var, scale, shift, True, momentum, eps)
        return Slotted(y, x.P, merged=True)
    filled = [functional.pad(r, (0, spare)) for r in flat]
    mean, var = filled or (None, None)
    wide = [None if t is None else functional.pad(t, (0, spare)) for t in (scale, shift)]
    last = functional.pad(merged.movedim(1, -1), (0, spare)).movedim(-1, 1)
    y = functional.batch_norm(last, mean, var, wide[0], wide[1], True, momentum, eps)
    for kept_N, now_N in zip(flat, filled, strict=True):
        kept_N.copy_(now_N[:num])
    # cut off behind the channels, so that the gradient comes back channels-last as well
    return Slotted(y.movedim(1, -1)[..., :num].movedim(-1, 1), x.P, merged=True)


@layer(nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
def _batch_norm(call: Call, x: Slotted) -> Slotted:
    """Means and variances over rows and places, of each slot's channels; running ones move on."""
    module: Any = call.module
    if module.momentum is None:
        raise refused(call, "has momentum=None", "Give it a number")
    _rank_of(call, x, *{nn.BatchNorm1d: (2, 3), nn.BatchNorm2d: (4,), nn.BatchNorm3d: (5,)}[type(module)])
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
        found = Slotted(_by_channel(_normalised(stacked, dims, eps), scale, shift), x.P)
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
        y = _normalised(stacked, tuple(range(-len(shape), 0)), eps)
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
    y = _normalised(grouped, tuple(range(3, grouped.ndim)), eps).flatten(2, 3)
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
    _rank_of(call, x, {nn.InstanceNorm1d: 3, nn.InstanceNorm2d: 4}[type(module)])
    scale, shift = _flat(call.tensors.get("weight")), _flat(call.tensors.get("bias"))
    return Slotted(
        functional.instance_norm(x.as_merged(), None, None, scale, shift, True, 0.0, module.eps), x.P, merged=True
    )


# ------------------------------------------------------------------------------------------------------ pooling

_POOLS_1D = (nn.MaxPool1d, nn.AvgPool1d, nn.AdaptiveAvgPool1d, nn.AdaptiveMaxPool1d, nn.LPPool1d, nn.ZeroPad1d)
_POOLS_2D = (nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d, nn.LPPool2d, nn.ZeroPad2d)
POOLS: dict[type[nn.Module], int] = dict.fromkeys(_POOLS_1D, 1) | dict.fromkeys(_POOLS_2D, 2)
"""Layers that take each channel for itself -> number of places."""


@layer(*POOLS)
def _pool(call: Call, x: Slotted) -> Slotted:
    if getattr(call.module, "return_indices", False):
        raise refused(call, "has return_indices=True", "Leave it out")
    _rank_of(call, x, POOLS[type(call.module)] + 2)
    return Slotted(call.module(x.as_merged()), x.P, merged=True)


@layer(nn.Upsample, nn.UpsamplingNearest2d, nn.UpsamplingBilinear2d)
def _upsample(call: Call, x: Slotted) -> Slotted:
    _rank_of(call, x, 3, 4)
    return Slotted(call.module(x.as_merged()), x.P, merged=True)


@layer(nn.PixelShuffle, nn.PixelUnshuffle)
def _pixel_shuffle(call: Call, x: Slotted) -> Slotted:
    return Slotted(call.module(x.stacked()), x.P)


# --------------------------------------------------------------------------------------- shapes and activations


@layer(nn.Identity)
def _identity(_call: Call, x: Slotted) -> Slotted:
    return x


def after_slots(dim: Any) -> Any:
    """A slot's axis, or several, as axes of the stacked value."""
    if isinstance(dim, int):
        return dim + 1 if dim >= 0 else dim
    return tuple(d + 1 if d >= 0 else d for d in dim)


@layer(nn.Flatten)
def _flatten(call: Call, x: Slotted) -> Slotted:
    module: Any = call.module
    return Slotted(x.stacked().flatten(after_slots(module.start_dim), after_slots(module.end_dim)), x.P)


@layer(nn.Unflatten)
def _unflatten(call: Call, x: Slotted) -> Slotted:
    module: Any = call.module
    if not isinstance(module.dim, int):
        raise refused(call, "has a name in the place of an axis", "Give it the number of the axis")
    return Slotted(x.stacked().unflatten(after_slots(module.dim), module.unflattened_size), x.P)


_RECTIFIERS = (nn.ReLU, nn.ReLU6, nn.GELU, nn.SiLU, nn.Mish, nn.Softplus, nn.CELU, nn.SELU, nn.Hardswish)
_SIGMOIDS = (nn.Tanh, nn.Sigmoid, nn.LogSigmoid, nn.Softsign, nn.Hardsigmoid, nn.Hardtanh)


@layer(*_RECTIFIERS, *_SIGMOIDS)
def _elementwise(call: Call, x: Slotted) -> Slotted:
    return kept(x, _anew(call.module, x.data))


def _anew(module: nn.Module, data: torch.Tensor) -> torch.Tensor:
    """The layer's output as a tensor of its own: who else reads the input is the program's business."""
    return module(data.clone() if getattr(module, "inplace", False) else data)


@layer(nn.LeakyReLU)
def _leaky_relu(call: Call, x: Slotted) -> Slotted:
    slope = number(call, "negative_slope")
    if isinstance(slope, float):
        return kept(x, functional.leaky_relu(x.data, slope))
    stacked = x.stacked()
    return Slotted(torch.where(stacked >= 0, stacked, per_slot(slope, stacked.ndim) * stacked), x.P)


@layer(nn.ELU)
def _elu(call: Call, x: Slotted) -> Slotted:
    alpha = number(call, "alpha")
    if isinstance(alpha, float):
        return kept(x, functional.elu(x.data, alpha))
    stacked = x.stacked()
    negative = per_slot(alpha, stacked.ndim) * torch.expm1(stacked.clamp(max=0))
    return Slotted(torch.where(stacked > 0, stacked, negative), x.P)


@layer(nn.PReLU)
def _prelu(call: Call, x: Slotted) -> Slotted:
    stacked, slope = x.stacked(), call.tensors["weight"]
    slope = slope.view(x.P, 1, -1, *([1] * (stacked.ndim - 3))) if stacked.ndim > 2 else slope
    return Slotted(torch.where(stacked > 0, stacked, slope * stacked), x.P)


OVER_AN_AXIS: dict[type[nn.Module], Callable[..., Any]] = {
    nn.GLU: functional.glu,
    nn.Softmax: functional.softmax,
    nn.LogSoftmax: functional.log_softmax,
    nn.Softmin: functional.softmin,
}


@layer(*OVER_AN_AXIS)
def _over_an_axis(call: Call, x: Slotted) -> Slotted:
    module: Any = call.module
    if module.dim is None:
        raise refused(call, "has dim=None", "Give it the number of the axis")
    return Slotted(OVER_AN_AXIS[type(module)](x.stacked(), dim=after_slots(module.dim)), x.P)


@layer(DropoutTwin)
def _dropout(call: Call, x: Slotted) -> Slotted:
    """Times a mask; nothing is drawn where no slot drops anything."""
    module: Any = call.module
    rates = number(call, "p")
    if not (rates if isinstance(rates, float) else bool(rates.any())):
        return x
    assert call.draw is not None
    mask = Slotted(call.draw(module.number, module.mask_shape(x.shape), rates, x.data), x.P)
    if x.merged:
        return kept(x, x.data * mask.as_merged())
    return kept(x, x.data * mask.data)
