"""The modules whose call was on when an exception was raised, read from its traceback."""

from __future__ import annotations

from collections.abc import Sequence
from types import FrameType
from typing import Any

from luthier.watching.ends import Flight

MOST = 20
MOST_OPTIONS = 24


def flights(frames: Sequence[FrameType]) -> list[Flight]:
    """Calls of modules in the frames of a traceback, outermost first."""
    import torch

    found: list[tuple[Any, tuple[Any, ...], dict[str, Any]]] = []
    for frame in frames:
        if frame.f_code.co_name != "_call_impl":
            continue
        module = frame.f_locals.get("self")
        if isinstance(module, torch.nn.Module):
            found.append((module, frame.f_locals.get("args", ()), frame.f_locals.get("kwargs", {})))
    if not found:
        return []
    names = {id(part): name for name, part in found[0][0].named_modules()}
    return [_flight(module, names.get(id(module), ""), [*args, *kwargs.values()]) for module, args, kwargs in found][
        -MOST:
    ]


def _flight(module: Any, name: str, given: list[Any]) -> Flight:
    import torch

    tensors = [a for a in given if isinstance(a, torch.Tensor)]
    weight: Any = getattr(module, "weight", None)
    known = isinstance(weight, torch.Tensor) and not type(weight).__name__.startswith("Uninitialized")
    options = {
        k: v for k, v in vars(module).items() if k[0] != "_" and isinstance(v, bool | int | float | str | None)
    }
    return Flight(
        layer=name,
        kind=type(module).__name__,
        inputs=tuple(tuple(t.shape) for t in tensors),
        input_dtypes=tuple(str(t.dtype)[6:] for t in tensors),
        input_devices=tuple(str(t.device) for t in tensors),
        weight=tuple(weight.shape) if known else None,
        weight_dtype=str(weight.dtype)[6:] if known else "",
        options=dict(list(options.items())[:MOST_OPTIONS]),
    )
