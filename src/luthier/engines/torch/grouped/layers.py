"""Rules of torch's layers for P slots at once, in training mode.

Kernels: products of matrices as one batched product; convolutions and pooling with the slots'
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
WIDE = 1 << 15
"""Weights of a layer from which on turning their gradient costs more than a backward pass in Python: a tenth of a
step was lost by that at 64 x 64, a sixth by turning at 256 x 256."""


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


def _product(x_PND: torch.Tensor, weight_POD: torch.Tensor, bias_PO: torch.Tensor | None) -> torch.Tensor:
    """[P, N, O]."""
    if bias_PO is None:
        return torch.bmm(x_PND, weight_POD.mT)
    return torch.baddbmm(bias_PO[:, None], x_PND, weight_POD.mT)


class _Product(torch.autograd.Function):
    """`_product`, whose gradient of the weights lies in memory as the weights do: that of the batched product is its
    transpose."""

    @staticmethod
    def forward(x_PND: torch.Tensor, weight_POD: torch.Tensor, bias_PO: torch.Tensor | None) -> torch.Tensor:
        """See `_product`."""
        return _product(x_PND, weight_POD, bias_PO)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], _output: torch.Tensor) -> None:
        """What the gradient needs; apart from `forward`, as torch.func wants it."""
        ctx.save_for_backward(*inputs[:2])

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """Gradients of x, the weights and the bias, where they are asked for."""
        x_PND, weight_POD = ctx.saved_tensors
        (grad_PNO,), (of_x, of_weight, of_bias) = grads, ctx.needs_input_grad
        return (
            torch.bmm(grad_PNO, weight_POD) if of_x else None,
            torch.bmm(grad_PNO.mT, x_PND) if of_weight else None,
            grad_PNO.sum(1) if of_bias else None,
        )


def linear(x: Slotted, weight_POD: torch.Tensor, bias_PO: torch.Tensor | None) -> Slotted:
    """x [B, ..., D] -> [B, ..., O].

    A product with few columns takes another way through the CPU's kernels, and rounds by where in memory each slot's
    part begins: the place of a slot would show in its bits. So a narrow layer is filled up to a whole vector.
    """
    x_PND, num_outputs = x.stacked(), weight_POD.shape[1]
    if num_outputs < LANES:
        weight_POD = functional.pad(weight_POD, (0, 0, 0, LANES - num_outputs))
        bias_PO = None if bias_PO is None else functional.pad(bias_PO, (0, LANES - num_outputs))
    lead = x_PND.shape[1:-1]
    if x_PND.ndim != 3:
        x_PND = x_PND.reshape(x.P, -1, x_PND.shape[-1])
    # a weight's gradient of few columns would round by its place, too
    is_wide = x_PND.shape[-1] >= LANES and weight_POD[0].numel() >= WIDE
    multiply = _Product.apply if is_wide else _product
    y = multiply(x_PND, weight_POD, bias_PO)
    y = y[..., :num_outputs] if num_outputs < LANES else y
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


def check_rank(call: Call, x: Slotted, *ranks: int) -> None:
    """Refuse an input of a slot that has none of these numbers of axes."""
    if len(x.shape) not in ranks:
        raise refused(call, f"gets an input of {len(x.shape)} axes", "Give it a batch of rows with their channels")


@layer(nn.Conv1d, nn.Conv2d, nn.Conv3d)
def _conv(call: Call, x: Slotted) -> Slotted:
    module: Any = call.module
    if module.padding_mode != "zeros":
        raise refused(call, f"has padding_mode={module.padding_mode!r}", "Use padding_mode='zeros'")
    return _convolved(call, x, (functional.conv1d, functional.conv2d, functional.conv3d))


@layer(nn.ConvTranspose1d, nn.ConvTranspose2d)
def _conv_transpose(call: Call, x: Slotted) -> Slotted:
    module: Any = call.module
    kernels = (functional.conv_transpose1d, functional.conv_transpose2d)
    return _convolved(call, x, kernels, output_padding=module.output_padding)


def _convolved(call: Call, x: Slotted, kernels: Sequence[Callable[..., Any]], **more: Any) -> Slotted:
    """By the kernel for as many places as the layer has, with the settings of every convolution and `more`."""
    module: Any = call.module
    places = len(module.kernel_size)
    check_rank(call, x, places + 2)
    return convolution(
        kernels[places - 1],
        x,
        call.tensors["weight"],
        call.tensors.get("bias"),
        stride=module.stride,
        padding=module.padding,
        dilation=module.dilation,
        groups=module.groups,
        **more,
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
    check_rank(call, x, POOLS[type(call.module)] + 2)
    return Slotted(call.module(x.as_merged()), x.P, merged=True)


@layer(nn.Upsample, nn.UpsamplingNearest2d, nn.UpsamplingBilinear2d)
def _upsample(call: Call, x: Slotted) -> Slotted:
    check_rank(call, x, 3, 4)
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
