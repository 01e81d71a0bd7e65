"""Every rule of a function does for each of several slots what the function does for one."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from luthier.engines.torch.grouped.functions import ELEMENTWISE, FUNCTIONS, under
from luthier.engines.torch.grouped.values import Slotted

from .alone import alone, assert_equal, make, together


class Model(nn.Module):
    """A convolution, a linear layer, loose weights and buffers, and a formula over them."""

    def __init__(self, formula: Callable[[Any, Any], Any]) -> None:
        super().__init__()
        self.formula = formula
        self.conv = nn.Conv2d(6, 6, 1)
        self.linear = nn.Linear(6, 6)
        self.row = nn.Parameter(torch.rand(6))
        self.one = nn.Parameter(torch.rand(()))
        self.table = nn.Parameter(torch.rand(5, 6))
        self.square = nn.Parameter(torch.rand(6, 6))
        self.kernel = nn.Parameter(torch.rand(6, 6, 3, 3))
        self.channel = nn.Parameter(torch.rand(6, 1, 1))
        self.register_buffer("scale", torch.rand(6))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.formula(self, x)


def sum_of(a: Any, b: Any, c: Any) -> Any:
    return a + 2 * b + 3 * c


def written(x: Any) -> Any:
    x += 1
    x *= 2
    x -= 0.5
    x /= 3
    x.add_(1).sub_(x.detach()).mul_(2)
    return x


def renamed(x: Any) -> Any:
    x.add_(1)
    return x * 2


def around(m: Any, x: Any) -> Any:
    out = functional.relu(m.conv(x), inplace=True)
    out = m.conv(out)
    out += x
    return functional.relu(out, inplace=True)


BDT, BD, IMAGE = (4, 5, 6), (4, 6), (4, 6, 8, 8)
Formula = Callable[[Any, Any], Any]
ROWS: dict[str, Formula] = {
    "numbers": lambda m, x: 2 - (3 * x + 1) / 4 - x**2 + 2.0 ** (x / 9) - (-x),
    "other numbers": lambda m, x: (
        x.detach() // 0.5 + x % 0.7 + abs(x) + (x > 0) * x + (x <= 0.1).double() * (1 / (x + 9))
    ),
    "weights of fewer axes": lambda m, x: (m.row * x + m.one) * (m.scale - x) + m.table * x,
    "weights and activations": lambda m, x: m.table + m.linear(x) * m.one + (m.row - 1).exp(),
    "rows of a batch": lambda m, x: x - x.mean(0) + x.mean((1, 2), keepdim=True) + x.mean(),
    "reductions": lambda m, x: (
        x.sum(1)
        + x.mean(dim=-2)
        + x.amax(1) * x.amin(1)
        + torch.logsumexp(x, 1)
        + x.std(1)
        + torch.var(x, dim=1, correction=0)
        + x.norm(dim=1)
        + x.prod(1)
    ),
    "reductions to a number": lambda m, x: x + x.sum() + x.max() * x.min() + x.var() + torch.norm(x),
    "max and min": lambda m, x: (
        x.max(1).values
        + x.min(dim=1)[0]
        + torch.max(x, -1, keepdim=True)[0].squeeze(-1).sum(1, keepdim=True)
        + torch.max(x, -x).mean(1)
        + torch.minimum(x, m.row).mean(1)
    ),
    "any and all": lambda m, x: x * (x > 0).any(-1, keepdim=True) * (x > -1).all(1, keepdim=True),
    "softmax": lambda m, x: (
        x.softmax(1)
        + functional.softmax(x, -1)
        + functional.log_softmax(x, dim=0)
        + torch.log_softmax(x, 2)
        + functional.softmin(x, 1)
    ),
    "sums along": lambda m, x: x.cumsum(1) + torch.cumprod(x, dim=2),
    "norms": lambda m, x: (
        functional.normalize(x)
        + functional.normalize(x, dim=-1)
        + functional.normalize(x, 1.0, 0)
        + functional.layer_norm(x, (6,), m.row, m.scale, 1e-3)
        + functional.layer_norm(x, (5, 6))
    ),
    "similarity": lambda m, x: functional.cosine_similarity(x, 2 * x + m.row, dim=-1),
    "activations": lambda m, x: (
        functional.relu(x)
        + functional.gelu(x, approximate="tanh")
        + functional.silu(x)
        + functional.elu(x, 0.3)
        + functional.leaky_relu(x, 0.2)
        + functional.softplus(x)
        + functional.hardswish(x)
        + functional.mish(x)
        + functional.selu(x)
        + functional.relu6(x)
        + functional.hardtanh(x)
        + functional.celu(x)
        + functional.logsigmoid(x)
        + functional.softsign(x)
        + functional.hardsigmoid(x)
    ),
    "methods": lambda m, x: (
        x.relu()
        + x.abs().sqrt()
        + x.exp().log()
        + x.sigmoid()
        + x.tanh()
        + x.clamp(-1, 1)
        + x.sin() * x.cos()
        + x.square()
        + x.pow(3)
        + (x.abs() + 1).rsqrt()
        + x.erf()
        + x.sign()
        + x.abs().log1p()
    ),
    "functions": lambda m, x: (
        torch.relu(x)
        + torch.exp(x)
        + torch.sigmoid(x)
        + torch.clamp(x, min=0.1)
        + torch.where(x > 0, x, m.row)
        + torch.lerp(x, m.row, 0.3)
        + torch.addcmul(x, m.row, x, value=0.5)
        + torch.add(x, m.row, alpha=2)
        + torch.maximum(x, m.row)
        + torch.pow(2.0, x)
        + torch.reciprocal(x.abs() + 1)
    ),
    "masks": lambda m, x: x.masked_fill(x > 0.5, -1.0) * torch.logical_not(x > 1) * (~(x < -1)) * ((x > 0) | (x < 2)),
    "triangles": lambda m, x: x.tril() + torch.triu(x, 1),
    "types": lambda m, x: (
        x.float().to(torch.float64)
        + x.to(x.dtype)
        + x.type_as(x)
        + x.detach()
        + x.clone()
        + x.contiguous().double()
        + (x > 0).long()
    ),
    "view": lambda m, x: (
        x.view(4, -1)
        + x.reshape((4, 30))
        + x.flatten(1)
        + torch.flatten(x, start_dim=1, end_dim=2)
        + torch.reshape(x, (x.size(0), -1))
        + x.view_as(x).reshape(x.shape[0], x.size(1) * x.shape[-1])
    ),
    "batch by places": lambda m, x: m.linear(x.reshape(-1, 6)).view(x.shape[0], x.shape[1], 6),
    "all in one row": lambda m, x: x.flatten().view(x.shape[0], -1) + torch.flatten(x).reshape(4, 30),
    "turns": lambda m, x: (
        x.transpose(1, 2).permute(0, 2, 1)
        + x.permute((2, 0, 1)).movedim(0, -1)
        + torch.transpose(x, -1, -2).mT
        + torch.swapaxes(x, 0, 1).transpose(0, 1)
        + x.unsqueeze(1).squeeze(1)
        + x.unsqueeze(-1).squeeze()
        + x[None].squeeze(0)
        + torch.permute(x, (0, 1, 2))
    ),
    "turned weights": lambda m, x: (
        x @ m.square.t() + x @ m.square.T + x.flip(1) + torch.flip(x, (0, 2)) + x.roll(1, 1)
    ),
    "parts": lambda m, x: (
        torch.cat([*x.chunk(2, -1), *torch.split(x, [1, 5], dim=2)], 1 + 1)[:, :, ::2]
        + x.split(2, dim=1)[1].sum(1, keepdim=True)
        + x.unbind(1)[0][:, None]
        + x.narrow(1, 1, 2).mean(1, keepdim=True)
    ),
    "unpacked": lambda m, x: sum_of(*x.chunk(3, dim=-1)),
    "stacks": lambda m, x: (
        torch.stack([x, 2 * x], 1)[:, 1]
        + torch.stack((x, x)).sum(0)
        + torch.stack([x, x], -1)[..., 0]
        + torch.concat((x, x), dim=1)[:, :5]
    ),
    "places": lambda m, x: (
        x[:, 0]
        + x[:, -1]
        + x[:, 1:3].mean(1)
        + x[..., 2:3].mean(1)
        + x[:, None, 3][:, 0]
        + x[0, 0]
        + x[:, : x.shape[1] // 2].sum(1)
    ),
    "selection": lambda m, x: (
        x.gather(1, x.argsort(1))
        + x.sort(1)[0]
        + x.topk(2, dim=1)[0].sum(1, keepdim=True)
        + torch.topk(x, 2).values.sum(-1, keepdim=True)
        + x.argmax(1, keepdim=True)
        + x.select(1, 2)[:, None]
    ),
    "copies": lambda m, x: (
        m.row.expand(4, 5, 6)
        + m.row.expand_as(x)
        + x[:, :1].expand(-1, 5, -1)
        + x.repeat(1, 1, 2)[..., 6:]
        + m.table.repeat(4, 1, 1)
        + x.repeat_interleave(2, dim=1)[:, ::2]
        + m.table.unsqueeze(0).expand(x.shape[0], -1, -1)
    ),
    "a token in front": lambda m, x: torch.cat([m.row.expand(x.shape[0], 1, -1), x], dim=1).mean(1),
    "factories": lambda m, x: (
        x
        + x.new_zeros(6)
        + x.new_ones((5, 1))
        + x.new_full((6,), 2.0)
        + torch.ones_like(x)
        + torch.full_like(x, 0.5)
        + torch.zeros(x.shape[0], 1, 1)
        + torch.arange(x.shape[1], device=x.device)[:, None]
        + torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
        + torch.tensor(2.0)
    ),
    "places as words": lambda m, x: functional.embedding(torch.arange(x.shape[1]), m.square) + x,
    "words with padding": lambda m, x: functional.embedding((x > 0).long() + 2, m.table, padding_idx=3).sum(2) + x,
    "products": lambda m, x: (
        x @ m.square
        + torch.matmul(x, m.square)
        + functional.linear(x, m.square, m.row)
        + (x @ m.row)[..., None]
        + functional.linear(x, m.square)
        + x @ x.mT @ x
        + x.matmul(m.square[0])[..., None]
    ),
    "batched products": lambda m, x: (
        torch.bmm(x, x.transpose(1, 2))
        + torch.bmm(x.mT, x).mean()
        + (m.row @ x.mT)[:, None]
        + (m.row @ m.row)
        + m.table @ x.mT
        + torch.mm(m.table, m.table.t())
        + (m.row @ m.square).sum()
    ),
    "einsum": lambda m, x: torch.einsum("btd,de->bte", x, m.square) + torch.einsum("...d, ed -> ...e", [x, m.square]),
    "in place": lambda m, x: written(m.linear(x)),
    "in place, named again": lambda m, x: renamed(m.linear(x)),
    "in place by functions": lambda m, x: (
        functional.relu(m.linear(x), inplace=True)
        + functional.elu(m.linear(x), 0.4, True)
        + torch.relu_(m.linear(x))
        + functional.leaky_relu_(m.linear(x), 0.2)
    ),
    "sizes": lambda m, x: x / x.shape[0] + x.dim() + x.ndim * x.numel() + x.size(-1) / x.size()[1] + x.shape.numel(),
}
ROWS |= {
    "gates": lambda m, x: functional.glu(x) + functional.glu(x, 1 + 1) + x.unflatten(-1, (2, 3)).flatten(2)[..., :3],
    "other names": lambda m, x: (
        torch.moveaxis(x, 1, 2).swapdims(1, 2).reshape_as(x) * x.nelement() * x.ndimension()
        + torch.tile(x, (1, 2))[..., :6]
        + x.type(torch.float64)
        + torch.zeros_like(x)
        + (+x)
    ),
    "other masks": lambda m, x: x * ((x > 0) & (x < 1)) + x * ((x > 0) ^ (x < 1)),
    "other factories": lambda m, x: (
        x @ torch.eye(x.shape[-1], dtype=x.dtype)
        + torch.full((x.shape[1], 1), 0.5)
        + torch.linspace(0, 1, x.shape[-1])
        + torch.full((6,), 0.1)
    ),
    "vectors": lambda m, x: x * torch.mv(m.square, m.row) + torch.dot(m.row, m.row),
    "convolutions of one axis": lambda m, x: (
        functional.conv1d(x.mT, m.kernel[..., 0], m.row, padding=1)
        + functional.conv_transpose1d(x.mT, m.kernel[..., 0], m.row, padding=1)
    ),
    "pools of places": lambda m, x: functional.adaptive_max_pool1d(x, 2),
}
IMAGES: dict[str, Formula] = {
    "merged with numbers": lambda m, x: functional.relu(2 * m.conv(x) + 1),
    "merged with merged": lambda m, x: m.conv(x) + m.conv(m.conv(x)),
    "merged with a gate": lambda m, x: m.conv(x) * functional.adaptive_avg_pool2d(m.conv(x), 1).sigmoid(),
    "merged with a gate of a linear layer": lambda m, x: (
        m.conv(x) * m.linear(m.conv(x).mean((2, 3))).view(x.shape[0], -1, 1, 1)
    ),
    "merged with the input": lambda m, x: m.conv(x) + x,
    "merged with weights": lambda m, x: (m.conv(x) * m.channel + m.one) * m.row[:, None, None],
    "merged with a map": lambda m, x: m.conv(x) * x.mean(1, keepdim=True),
    "merged with rows": lambda m, x: m.conv(x) * x.mean((0, 1)),
    "places of merged": lambda m, x: (
        m.conv(x).mean((2, 3))
        + m.conv(x).sum((-1, -2))
        + m.conv(x).amax((2, 3))
        + m.conv(x).mean([2, 3], keepdim=True).flatten(1)
        + m.conv(x).mean(-1).mean(-1)
    ),
    "channels of merged": lambda m, x: m.conv(x).mean(1) + m.conv(x)[:, 0] + m.conv(x).sum((1, 2))[:, None],
    "merged side by side": lambda m, x: torch.cat([m.conv(x), m.conv(2 * x)], 1),
    "merged and input side by side": lambda m, x: torch.cat((m.conv(x), x), dim=1),
    "merged, in rows": lambda m, x: torch.cat([m.conv(x), m.conv(2 * x)], 2).flatten(2).transpose(1, 2),
    "merged, cut": lambda m, x: (
        m.conv(x).chunk(2, 1)[1] * m.conv(x).contiguous(memory_format=torch.channels_last)[:, :3]
    ),
    "convolutions": lambda m, x: (
        functional.conv2d(x, m.kernel, m.row, padding=1)
        + functional.conv_transpose2d(x, m.kernel, None, 1, 1)
        + torch.conv2d(x, m.kernel, m.row, 1, 1)
    ),
    "a convolution of one kernel": lambda m, x: functional.conv2d(x, torch.ones(6, 1, 3, 3, dtype=x.dtype), groups=6),
    "pools": lambda m, x: (
        functional.max_pool2d(m.conv(x), 2)
        + functional.avg_pool2d(x, 2, stride=2)
        + functional.adaptive_avg_pool2d(m.conv(x), (4, 4))
        + functional.adaptive_max_pool2d(x, 4)
    ),
    "pools of one axis": lambda m, x: (
        functional.max_pool1d(m.conv(x).flatten(2), 2)
        + functional.avg_pool1d(x.flatten(2), 2)
        + functional.adaptive_avg_pool1d(x.flatten(2), 32)
    ),
    "interpolation": lambda m, x: (
        functional.interpolate(m.conv(x), scale_factor=2) + functional.interpolate(x, (16, 16), mode="bilinear")
    ),
    "padding": lambda m, x: (
        functional.pad(m.conv(x), (1, 1, 2, 0))
        + functional.pad(x, (1, 1, 1, 1), value=2.0)
        + functional.pad(m.conv(x), (1, 1, 1, 1), mode="reflect")
    ),
    "padding of channels": lambda m, x: functional.pad(m.conv(x), (0, 0, 0, 0, 1, 1)),
    "shuffles": lambda m, x: functional.pixel_shuffle(functional.pixel_unshuffle(m.conv(x), 2), 2),
    "group norm": lambda m, x: functional.group_norm(m.conv(x), 2, m.row, m.scale) + functional.group_norm(x, 3),
    "a block with a way around": around,
}


@pytest.mark.parametrize("name", ROWS)
def test_a_function_of_rows_does_for_each_slot_what_it_does_for_one(name: str) -> None:
    assert_equal(together(make(lambda: Model(ROWS[name]), BDT)), alone(make(lambda: Model(ROWS[name]), BDT)))


@pytest.mark.parametrize("name", IMAGES)
def test_a_function_of_images_does_for_each_slot_what_it_does_for_one(name: str) -> None:
    assert_equal(together(make(lambda: Model(IMAGES[name]), IMAGE)), alone(make(lambda: Model(IMAGES[name]), IMAGE)))


def test_a_slot_of_one_row_of_numbers_keeps_its_axes() -> None:
    case = make(lambda: Model(lambda m, x: (m.linear(x) * m.row).sum(-1)), BD)
    assert together(case).outputs.shape == (3, 4)


MASKS = {"bitwise_and", "bitwise_not", "bitwise_or", "logical_and", "logical_not", "logical_or", "logical_xor"}
ONE: dict[str, Callable[[Any, Any], tuple[Any, ...]]] = {
    **dict.fromkeys(
        [
            "add",
            "atan2",
            "bitwise_and",
            "bitwise_or",
            "clamp_max",
            "clamp_min",
            "div",
            "divide",
            "eq",
            "floor_divide",
            "fmod",
        ],
        lambda x, y: (x, y),
    ),
    **dict.fromkeys(
        ["ge", "greater", "greater_equal", "gt", "hypot", "le", "less", "less_equal"], lambda x, y: (x, y)
    ),
    **dict.fromkeys(["logaddexp", "logical_and", "logical_or", "logical_xor", "lt", "maximum"], lambda x, y: (x, y)),
    **dict.fromkeys(
        ["minimum", "mul", "multiply", "ne", "not_equal", "pow", "remainder", "rsub"], lambda x, y: (x, y)
    ),
    **dict.fromkeys(["sub", "subtract", "true_divide", "type_as", "xlogy"], lambda x, y: (x, y)),
    **dict.fromkeys(["addcdiv", "addcmul"], lambda x, y: (x, y, x)),
    **dict.fromkeys(["clamp", "clip"], lambda x, y: (x, 0.3, 0.6)),
    "lerp": lambda x, y: (x, y, 0.3),
    "masked_fill": lambda x, y: (x, y > 0.5, 2.0),
    "where": lambda x, y: (x > 0.5, x, y),
}
"""Arguments of a function that takes more than one number, by name."""


@pytest.mark.parametrize("merged", [False, True], ids=["stacked", "merged"])
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_every_elementwise_function_is_itself_for_each_slot(name: str, merged: bool) -> None:
    """Under all its names, with a second value of fewer axes."""
    torch.manual_seed(0)
    x_PBCL, y_PCL = torch.rand(2, 3, 4, 5), torch.rand(2, 4, 1)
    if name in MASKS:
        x_PBCL, y_PCL = x_PBCL > 0.5, y_PCL > 0.5
    x, y = Slotted(x_PBCL, 2), Slotted(y_PCL, 2)
    if merged:
        x = Slotted(x.as_merged(), 2, merged=True)
    arguments = ONE.get(name, lambda x, y: (x,))
    for target, called in under(name).items():
        if (name, target) == ("where", "where"):  # as a method it begins with the value
            found, args = FUNCTIONS[target](x, FUNCTIONS[operator.gt](x, 0.5), y), lambda x, y: (x, x > 0.5, y)
        else:
            slotted = tuple(_lifted(a) for a in arguments(_Asked(x), _Asked(y)))
            found, args = FUNCTIONS[target](*slotted), arguments
        for p in range(2):
            expected = called(*args(x_PBCL[p], y_PCL[p]))
            torch.testing.assert_close(found.stacked()[p], expected, equal_nan=True, check_stride=False)


class _Asked:
    """Lets `x > 0.5` of a table be asked of a value of the slots."""

    def __init__(self, value: Slotted) -> None:
        self.value = value

    def __gt__(self, other: float) -> Any:
        return FUNCTIONS[operator.gt](self.value, other)


def _lifted(argument: Any) -> Any:
    return argument.value if isinstance(argument, _Asked) else argument
