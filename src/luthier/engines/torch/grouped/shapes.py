"""Rules of functions and methods that name axes or make shapes, for P slots at once.

A slot's axis d >= 0 is axis d + 1 of the stacked value; counted from the end it stays.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import torch

from luthier.engines.torch.grouped.functions import FUNCTIONS, FunctionRule, aligned, function, under
from luthier.engines.torch.grouped.layers import after_slots
from luthier.engines.torch.grouped.values import Slotted
from luthier.engines.torch.refusal import Refused

MISSING = object()


class Pair(tuple[Any, ...]):
    """(values, indices), as max and topk return them."""

    @property
    def values(self) -> Any:
        """The first."""
        return self[0]

    @property
    def indices(self) -> Any:
        """The second."""
        return self[1]


def wrapped(found: Any, P: int) -> Any:
    """Tensors, also within tuples, as values of the slots."""
    if isinstance(found, torch.Tensor):
        return Slotted(found, P)
    parts = [wrapped(f, P) for f in found]
    return Pair(parts) if hasattr(found, "indices") else tuple(parts)


def stacked(value: Any) -> Any:
    """Values of the slots, also within tuples, as tensors."""
    if isinstance(value, Slotted):
        return value.stacked()
    return type(value)(stacked(v) for v in value) if isinstance(value, tuple | list) else value


def sizes_of(sizes: Sequence[Any]) -> tuple[int, ...]:
    """Sizes or axes that are given one by one or as one sequence."""
    return tuple(sizes[0]) if len(sizes) == 1 and not isinstance(sizes[0], int) else tuple(sizes)


def every_axis(x: Slotted) -> tuple[int, ...]:
    """All axes of the stacked value but P."""
    return tuple(range(1, len(x.shape) + 1))


# -------------------------------------------------------------------------------- functions of one or more axes

AXES: dict[str, tuple[str, int, Any]] = {
    **dict.fromkeys(("mean", "sum", "amax", "amin", "logsumexp", "all", "any"), ("dim", 1, None)),
    **dict.fromkeys(
        (
            "argmax",
            "softmax",
            "log_softmax",
            "softmin",
            "cumsum",
            "cumprod",
            "prod",
            "unflatten",
            "gather",
            "narrow",
            "select",
            "unsqueeze",
        ),
        ("dim", 1, MISSING),
    ),
    "glu": ("dim", 1, -1),
    "normalize": ("dim", 2, 1),
    "unbind": ("dim", 1, 0),
    "chunk": ("dim", 2, 0),
    "split": ("dim", 2, 0),
    "topk": ("dim", 2, -1),
    "sort": ("dim", 1, -1),
    "argsort": ("dim", 1, -1),
    "repeat_interleave": ("dim", 2, MISSING),
    "roll": ("dims", 2, MISSING),
    "cosine_similarity": ("dim", 2, 1),
}
"""Name -> (the argument that names axes by keyword, its place, what it is when left out: None for all axes)."""
PLACES = frozenset({"mean", "sum", "amax", "amin"})
"""They take merged values as they are where the axes are places."""


def over_axes(f: Callable[..., Any], name: str) -> FunctionRule:
    """The rule of a function that is listed in AXES under a name."""
    keyword, place, default = AXES[name]

    def rule(x: Slotted, *args: Any, **kwargs: Any) -> Any:
        by_place = args[place - 1] if len(args) >= place else default
        given = kwargs.pop(keyword, by_place)
        if given is MISSING or (given is None and default is not None):
            raise Refused(f"is called without {keyword}", f"Say {keyword}=...")
        if x.merged and name in PLACES and _are_places(given, len(x.shape)):
            kwargs[keyword] = given
            return Slotted(f(x.data, *args[: place - 1], **kwargs), x.P, merged=True)
        kwargs = {n: stacked(v) for n, v in kwargs.items()}
        kwargs[keyword] = every_axis(x) if given is None else after_slots(given)
        before, behind = stacked(args[: place - 1]), stacked(args[place:])
        if behind:
            return wrapped(f(x.stacked(), *before, kwargs.pop(keyword), *behind, **kwargs), x.P)
        return wrapped(f(x.stacked(), *before, **kwargs), x.P)

    return rule


def _are_places(given: Any, rank: int) -> bool:
    """Do axes of a slot lie behind its channels?"""
    dims = (given,) if isinstance(given, int) else given
    return bool(dims) and all(d >= 2 or 2 - rank <= d < 0 for d in dims)


for _name in AXES:
    for _target, _called in under(_name).items():
        FUNCTIONS[_target] = over_axes(_called, _name)


@function(*under("norm"))
def _norm(x: Slotted, p: Any = 2, dim: Any = None, keepdim: bool = False, **_unset: None) -> Slotted:
    axes = every_axis(x) if dim is None else after_slots(dim)
    return Slotted(torch.linalg.vector_norm(x.stacked(), 2 if p == "fro" else p, axes, keepdim), x.P)


def _spread(f: Callable[..., Any]) -> FunctionRule:
    def rule(x: Slotted, *args: Any, **kwargs: Any) -> Slotted:
        dim = kwargs.pop("dim", args[0] if args else None)
        if isinstance(dim, bool):
            raise Refused("is called with unbiased in the place of dim", "Say correction=...")
        return Slotted(f(x.stacked(), every_axis(x) if dim is None else after_slots(dim), *args[1:], **kwargs), x.P)

    return rule


def _extreme(f: Callable[..., Any], whole: Callable[..., Any], between: Callable[..., Any]) -> FunctionRule:
    """max and min: of all, over an axis, of two values."""

    def rule(x: Slotted, *args: Any, **kwargs: Any) -> Any:
        if not args and not kwargs:
            return Slotted(whole(x.stacked(), every_axis(x)), x.P)
        other = kwargs.get("other", args[0] if args else None)
        if isinstance(other, Slotted):
            return FUNCTIONS[between](x, other)
        dim = kwargs.pop("dim", other)
        return wrapped(f(x.stacked(), after_slots(dim), *args[1:], **kwargs), x.P)

    return rule


OF_THEIR_OWN: dict[str, Callable[[Callable[..., Any]], FunctionRule]] = {
    "var": _spread,
    "std": _spread,
    "max": lambda f: _extreme(f, torch.amax, torch.maximum),
    "min": lambda f: _extreme(f, torch.amin, torch.minimum),
}
for _name, _rules in OF_THEIR_OWN.items():
    for _target, _called in under(_name).items():
        FUNCTIONS[_target] = _rules(_called)


# ------------------------------------------------------------------------------------------------------- shapes


@function("view", "reshape", torch.reshape)
def _reshape(x: Slotted, *shape: Any) -> Slotted:
    if isinstance(shape[0], torch.dtype):
        raise Refused("is called with a type", "Use x.to(...)")
    return Slotted(x.stacked().reshape(x.P, *sizes_of(shape)), x.P)


@function("view_as", "reshape_as")
def _reshape_as(x: Slotted, other: Slotted) -> Slotted:
    return Slotted(x.stacked().reshape(x.P, *other.shape), x.P)


@function(*under("flatten"))
def _flatten(x: Slotted, start_dim: int = 0, end_dim: int = -1) -> Slotted:
    if not x.shape:
        return Slotted(x.data[:, None], x.P)
    return Slotted(x.stacked().flatten(after_slots(start_dim), after_slots(end_dim)), x.P)


@function(*under("squeeze"))
def _squeeze(x: Slotted, dim: Any = None) -> Slotted:
    axes = [i + 1 for i, n in enumerate(x.shape) if n == 1] if dim is None else after_slots(dim)
    return Slotted(x.stacked().squeeze(axes), x.P)


@function(*under("transpose"), *under("swapaxes"), *under("swapdims"))
def _transpose(x: Slotted, dim0: int, dim1: int) -> Slotted:
    return Slotted(x.stacked().transpose(after_slots(dim0), after_slots(dim1)), x.P)


@function(*under("permute"))
def _permute(x: Slotted, *dims: Any) -> Slotted:
    return Slotted(x.stacked().permute(0, *after_slots(sizes_of(dims))), x.P)


@function(*under("movedim"), *under("moveaxis"))
def _movedim(x: Slotted, source: Any, destination: Any) -> Slotted:
    return Slotted(x.stacked().movedim(after_slots(source), after_slots(destination)), x.P)


@function(*under("t"))
def _t(x: Slotted) -> Slotted:
    return Slotted(x.stacked().mT, x.P) if len(x.shape) == 2 else x


@function(*under("flip"))
def _flip(x: Slotted, *dims: Any) -> Slotted:
    return Slotted(x.stacked().flip(after_slots(sizes_of(dims))), x.P)


for _name in ("tril", "triu"):
    for _target, _called in under(_name).items():
        FUNCTIONS[_target] = lambda x, *args, f=_called, **kwargs: Slotted(f(x.stacked(), *args, **kwargs), x.P)


@function("expand")
def _expand(x: Slotted, *sizes: Any) -> Slotted:
    shape = sizes_of(sizes)
    return Slotted(aligned(x, len(shape)).expand(x.P, *shape), x.P)


@function("expand_as")
def _expand_as(x: Slotted, other: Slotted) -> Slotted:
    return Slotted(aligned(x, len(other.shape)).expand(x.P, *other.shape), x.P)


@function("repeat", *under("tile"))
def _repeat(x: Slotted, *times: Any) -> Slotted:
    counts = sizes_of(times)
    counts = (*([1] * (len(x.shape) - len(counts))), *counts)
    return Slotted(aligned(x, len(counts)).repeat(1, *counts), x.P)


@function(*under("cat"), *under("concat"))
def _cat(tensors: Sequence[Slotted], dim: int = 0, **named: int) -> Slotted:
    dim = named.get("axis", dim)
    first = tensors[0]
    if dim in (1, 1 - len(first.shape)) and len(first.shape) == 4 and all(t.merged for t in tensors):
        # channels behind channels, in the order of the memory: places, slots, channels
        parts = [t.data.permute(0, 2, 3, 1).unflatten(-1, (t.P, -1)) for t in tensors]
        return Slotted(torch.cat(parts, -1).flatten(-2).permute(0, 3, 1, 2), first.P, merged=True)
    return Slotted(torch.cat([t.stacked() for t in tensors], after_slots(dim)), first.P)


@function(*under("stack"))
def _stack(tensors: Sequence[Slotted], dim: int = 0) -> Slotted:
    return Slotted(torch.stack([t.stacked() for t in tensors], after_slots(dim)), tensors[0].P)


@function(operator.getitem)
def _getitem(x: Any, index: Any) -> Any:
    if not isinstance(x, Slotted):
        return x[index]
    indices = index if isinstance(index, tuple) else (index,)
    arrays = [i for i in indices if isinstance(i, Slotted | torch.Tensor | list)]
    if not arrays:
        return Slotted(x.stacked()[(slice(None), *indices)], x.P)
    raise Refused("selects by an index that is itself a tensor", "Use torch.gather, or a mask and torch.where")


# ------------------------------------------------------------------------------------------ questions and factories


@function("size")
def _size(x: Slotted, dim: int | None = None) -> Any:
    return x.shape if dim is None else x.shape[dim]


@function("dim", "ndimension")
def _dim(x: Slotted) -> int:
    return len(x.shape)


@function("numel", "nelement", torch.numel)
def _numel(x: Any) -> int:
    return int(x.shape.numel() if isinstance(x, Slotted) else x.numel())


ATTRIBUTES: dict[str, Callable[[Slotted], Any]] = {
    "shape": lambda x: x.shape,
    "ndim": lambda x: len(x.shape),
    "dtype": lambda x: x.data.dtype,
    "device": lambda x: x.data.device,
    "T": lambda x: Slotted(x.stacked().permute(0, *range(len(x.shape), 0, -1)), x.P),
    "mT": lambda x: Slotted(x.stacked().mT, x.P),
}


@function(getattr)
def _attribute(x: Any, name: str, *default: Any) -> Any:
    if not isinstance(x, Slotted):
        return getattr(x, name, *default)
    if name not in ATTRIBUTES:
        raise Refused(f"x.{name} has no rule")
    return ATTRIBUTES[name](x)


@function("new_zeros")
def _new_zeros(x: Slotted, *sizes: Any, **kwargs: Any) -> Slotted:
    return Slotted(x.data.new_zeros((x.P, *sizes_of(sizes)), **kwargs), x.P)


@function("new_ones")
def _new_ones(x: Slotted, *sizes: Any, **kwargs: Any) -> Slotted:
    return Slotted(x.data.new_ones((x.P, *sizes_of(sizes)), **kwargs), x.P)


@function("new_full")
def _new_full(x: Slotted, size: Sequence[int], fill_value: float, **kwargs: Any) -> Slotted:
    return Slotted(x.data.new_full((x.P, *size), fill_value, **kwargs), x.P)


for _name in ("arange", "zeros", "ones", "full", "eye", "linspace"):
    FUNCTIONS[vars(torch)[_name]] = vars(torch)[_name]  # the same for all slots
for _name in ("zeros_like", "ones_like", "full_like"):
    _called = vars(torch)[_name]
    FUNCTIONS[_called] = lambda x, *args, f=_called, **kwargs: Slotted(f(x.data, *args, **kwargs), x.P, x.merged)
