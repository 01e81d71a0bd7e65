"""What two Keras models must have in common to run in one program: all but weights, rates and names.

Keras' own way to write a model down loads TensorFlow on every backend, and names layers by a counter of the process.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from typing import Any

import keras

from luthier.codec import digest
from luthier.engines.keras.heads import by_keras
from luthier.engines.keras.rates import lifted

_SKIPPED = object()


class Opaque(Exception):
    """Something whose content can not be compared."""


def description_of(model: keras.Model) -> str | None:
    """A digest of the model; None where it holds what can not be compared: own code, or functions of `ops`."""
    try:
        return digest(_model(model))
    except Opaque:
        return None


def _model(model: Any) -> Any:
    _must_be_keras(model)
    if isinstance(model, keras.Sequential):
        return ["Sequential", [_layer(layer) for layer in model.layers]]
    numbers: dict[int, int] = {}  # of the tensors between the layers, in their order
    found = []
    for operation in model.operations:
        if not isinstance(operation, keras.Layer):
            raise Opaque  # its arguments are not to be seen
        found.append([_layer(operation), _tensors(operation, numbers)])
    return ["Functional", found, [numbers.setdefault(id(t), -1) for t in model.inputs + model.outputs]]


def _tensors(operation: Any, numbers: dict[int, int]) -> list[list[int]]:
    try:
        sides = (operation.input, operation.output)
    except (AttributeError, ValueError):  # called more than once
        raise Opaque from None
    return [[numbers.setdefault(id(t), len(numbers)) for t in keras.tree.flatten(side)] for side in sides]


def _must_be_keras(layer: Any) -> None:
    if not by_keras(layer) or type(layer) is keras.layers.Lambda:
        raise Opaque


def _layer(layer: Any) -> Any:
    if isinstance(layer, keras.Model):
        return _model(layer)
    _must_be_keras(layer)
    left_out = {"name", "_path", "_parent_path"} | ({"rate", "seed"} if lifted(layer) else set())
    plain = {key: _value(value) for key, value in vars(layer).items() if key not in left_out}
    return [type(layer).__name__, {key: value for key, value in plain.items() if value is not _SKIPPED}]


def _value(value: Any) -> Any:
    """What is plain, a layer, a function or a regularizer; the rest are variables and Keras' own book-keeping."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    for kind, describe in _KINDS:
        if isinstance(value, kind):
            return describe(value)
    if isinstance(value, list | tuple):
        return [plain for item in value if (plain := _value(item)) is not _SKIPPED]
    if isinstance(value, Mapping):
        return {str(key): plain for key, item in value.items() if (plain := _value(item)) is not _SKIPPED}
    return _SKIPPED


def _function(function: Any) -> str:
    if function.__module__.partition(".")[0] != "keras":
        raise Opaque
    return f"{function.__module__}.{function.__qualname__}"


def _regularizer(regularizer: Any) -> Any:
    return [type(regularizer).__name__, {key: repr(number) for key, number in vars(regularizer).items()}]


_KINDS: tuple[tuple[Any, Callable[[Any], Any]], ...] = (
    (keras.Layer, _layer),
    (types.FunctionType, _function),
    (keras.regularizers.Regularizer, _regularizer),
    (keras.DTypePolicy, lambda policy: policy.name),
)
