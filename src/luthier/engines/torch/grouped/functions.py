"""Rules of torch's functions, methods and operators for P slots at once: those that work element by element.

`shapes.py` and `kernels.py` hold the others. A rule gets the arguments of the user's call, tensors as `Slotted`.
A tensor without axes that is the same for all slots comes as it is, as do numbers.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional

from luthier.engines.torch.grouped.values import Slotted

FunctionRule = Callable[..., Any]
FUNCTIONS: dict[Any, FunctionRule] = {}
"""By the function itself, or by the name of a method of a tensor."""


def function(*targets: Any) -> Callable[[FunctionRule], FunctionRule]:
    """Register a rule for these functions and names of methods."""

    def register(rule: FunctionRule) -> FunctionRule:
        FUNCTIONS.update(dict.fromkeys(targets, rule))
        return rule

    return register


def under(name: str) -> dict[Any, Callable[..., Any]]:
    """{target: what it calls} of all that torch offers under a name: a method, and functions in its two rooms."""
    found: dict[Any, Callable[..., Any]] = {}
    for room in (torch, functional):
        if callable(vars(room).get(name)):  # torch.float is a type
            found[vars(room)[name]] = vars(room)[name]
    if hasattr(torch.Tensor, name):
        found[name] = getattr(torch.Tensor, name)
    return found


# --------------------------------------------------------------------------------------------------- alignment


def aligned(x: Slotted, rank: int) -> torch.Tensor:
    """[P, 1, ..., 1, *shape] with `rank` axes after P: so a slot's value broadcasts as it does alone."""
    data = x.stacked()
    missing = rank + 1 - data.ndim
    return data if missing <= 0 else data[(slice(None), *([None] * missing))]


def side_by_side(values: list[Slotted]) -> tuple[list[torch.Tensor], bool]:
    """Tensors that broadcast as the slots' values do; (tensors, are they merged?).

    They stay merged where one is and the others can be at little cost.
    """
    first = values[0]
    if len(values) == 1:
        return [first.data], first.merged
    rank = max(len(v.shape) for v in values)
    if any(v.merged for v in values):
        channels = {v.shape[1] for v in values if v.merged and len(v.shape) == rank}
        if len(channels) == 1:
            (C,) = channels
            merged = [_merged(v, rank, C) for v in values]
            if all(m is not None for m in merged):
                return [m for m in merged if m is not None], True
    return [aligned(v, rank) for v in values], False


def _merged(x: Slotted, rank: int, C: int) -> torch.Tensor | None:
    """[B, P * C, ...] if that is no large copy of something small."""
    if x.merged:
        return x.data if len(x.shape) == rank and x.shape[1] == C else None
    data = aligned(x, rank)
    if data.shape[2] != C:
        if data.shape[2] != 1 or any(n != 1 for n in data.shape[3:]):
            return None
        data = data.expand(*data.shape[:2], C, *data.shape[3:])
    return Slotted(data, x.P).as_merged()


def elementwise(f: Callable[..., Any]) -> FunctionRule:
    """The rule of a function that works element by element and broadcasts."""

    def rule(*args: Any, **kwargs: Any) -> Any:
        values = [a for a in (*args, *kwargs.values()) if isinstance(a, Slotted)]
        if not values:
            return f(*args, **kwargs)  # sizes
        tensors, merged = side_by_side(values)
        rest = iter(tensors)
        args = tuple(next(rest) if isinstance(a, Slotted) else a for a in args)
        kwargs = {n: next(rest) if isinstance(a, Slotted) else a for n, a in kwargs.items()}
        return Slotted(f(*args, **kwargs), values[0].P, merged)

    return rule


_ELEMENTWISE = """abs add addcdiv addcmul atan atan2 bitwise_and bitwise_not bitwise_or bool ceil celu clamp clamp_max
clamp_min clip cos cosh detach div divide double elu eq erf erfc exp exp2 expm1 float floor floor_divide fmod ge gelu
greater greater_equal gt hardsigmoid hardswish hardtanh hypot int isfinite isinf isnan le leaky_relu lerp less
less_equal log log10 log1p log2 logaddexp logical_and logical_not logical_or logical_xor logsigmoid long lt
masked_fill maximum minimum mish mul multiply nan_to_num ne neg negative not_equal pow reciprocal relu relu6 remainder
round rsqrt rsub selu sigmoid sign silu sin sinh softplus softsign sqrt square sub subtract tan tanh true_divide trunc
type_as where xlogy"""
ELEMENTWISE = _ELEMENTWISE.split()
_OPERATORS = "add sub mul truediv floordiv mod pow neg pos abs eq ne lt le gt ge and_ or_ xor invert"
OPERATORS = [vars(operator)[name] for name in _OPERATORS.split()]

for _name in ELEMENTWISE:
    for _target, _called in under(_name).items():
        FUNCTIONS[_target] = elementwise(_called)
for _operator in OPERATORS:
    FUNCTIONS[_operator] = elementwise(_operator)


@function("to", "type")
def _to(x: Slotted, *args: Any, **kwargs: Any) -> Slotted:
    """Another type. The layout in memory is the program's business."""
    kwargs.pop("memory_format", None)
    args = tuple(a.data if isinstance(a, Slotted) else a for a in args)
    return Slotted(x.data.to(*args, **kwargs), x.P, x.merged)


@function("contiguous")
def _contiguous(x: Slotted, **_format: Any) -> Slotted:
    return x


@function("clone", torch.clone)
def _clone(x: Slotted, **_format: Any) -> Slotted:
    return Slotted(x.data.clone(), x.P, x.merged)
