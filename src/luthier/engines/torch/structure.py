"""What two models must have in common to be trained by one program: everything but weights and lifted numbers."""

from __future__ import annotations

import types
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import nn

from luthier.engines.torch.constants import names_of

_OF_EVERY_MODULE = frozenset(vars(nn.Module())) | {"_flat_weights", "_flat_weight_refs"}  # of recurrent layers
Description = Any
"""Lists, dictionaries, strings and numbers: what a digest is made of."""


class Opaque(Exception):
    """Something whose content can not be compared."""


def structure_of(model: nn.Module) -> tuple[Description, bool]:
    """(description of the model, is it complete?).

    Types of all modules with the code and the closures of those that are made within functions, all their plain
    attributes but the lifted numbers, shapes and types of weights and buffers, which are frozen, which are tied.
    Incomplete where an attribute holds what can not be compared, such as a tensor that is no buffer.
    """
    complete = True
    layers = []
    for path, module in model.named_modules(remove_duplicate=False):
        try:
            layers.append([path, *_layer(module)])
        except Opaque:
            complete = False
            layers.append([path, _name(type(module))])
    params = [[n, list(p.shape), str(p.dtype), p.requires_grad] for n, p in _params(model)]
    buffers = [[n, list(b.shape), str(b.dtype)] for n, b in model.named_buffers(remove_duplicate=False)]
    return {"layers": layers, "weights": params, "tied": _tied(model), "buffers": buffers}, complete


def _params(model: nn.Module) -> Iterable[tuple[str, nn.Parameter]]:
    found: Iterable[tuple[str, nn.Parameter]] = model.named_parameters(remove_duplicate=False)
    return found


def _tied(model: nn.Module) -> list[list[str]]:
    names: dict[int, list[str]] = {}
    for name, param in _params(model):
        names.setdefault(id(param), []).append(name)
    return [tied for tied in names.values() if len(tied) > 1]


def _layer(module: nn.Module) -> list[Description]:
    left_out = _OF_EVERY_MODULE.union(names_of(module))
    attributes = {n: _value(v) for n, v in sorted(vars(module).items()) if n not in left_out}
    local = "<locals>" in type(module).__qualname__
    return [_name(type(module)), attributes, _function(type(module).forward) if local else ""]


def _value(value: Any, depth: int = 0) -> Description:
    if value is None or isinstance(value, bool | int | float | str | torch.dtype | torch.device):
        return repr(value)
    if isinstance(value, type):
        return _name(value)
    if depth < 4:
        if isinstance(value, tuple | list):
            return [_value(v, depth + 1) for v in value]
        if isinstance(value, Mapping):
            return [[_value(k, depth + 1), _value(v, depth + 1)] for k, v in value.items()]
        if isinstance(value, types.FunctionType | types.BuiltinFunctionType | types.MethodType):
            return _function(value, depth + 1)
    raise Opaque


def _function(function: Any, depth: int = 0) -> Description:
    function = getattr(function, "__func__", function)
    name = f"{getattr(function, '__module__', '')}.{function.__qualname__}"
    if not isinstance(function, types.FunctionType) or "<" not in function.__qualname__:
        return name
    cells = [_value(cell.cell_contents, depth + 1) for cell in function.__closure__ or () if not _own_class(cell)]
    constants = [repr(c) for c in function.__code__.co_consts if not isinstance(c, types.CodeType)]
    return [name, function.__code__.co_code.hex(), constants, cells, _value(function.__defaults__, depth + 1)]


def _own_class(cell: Any) -> bool:
    return isinstance(cell.cell_contents, type)  # what super() needs


def _name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"
