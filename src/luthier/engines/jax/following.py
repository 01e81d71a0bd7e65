"""Which activation follows each layer of a Flax NNX model: known where it is an nnx.Sequential."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

from flax import nnx

from luthier.algorithms.initialisers import Factors
from luthier.engines.following import LINEAR, Activation, Layer, factors_of

FUNCTIONS = {
    nnx.relu: "relu",
    nnx.tanh: "tanh",
    nnx.sigmoid: "sigmoid",
    nnx.selu: "selu",
    nnx.leaky_relu: "leaky_relu",
}
END = (nnx.softmax, nnx.log_softmax)
PASSED = (nnx.Dropout, nnx.BatchNorm, nnx.LayerNorm, nnx.RMSNorm, nnx.GroupNorm)


def factors(model: nnx.Module, init: str) -> Factors:
    """Of the kernels; none of a model that is no nnx.Sequential, as its own code says what follows what."""
    return factors_of(list(_chain(model, "")), init) if isinstance(model, nnx.Sequential) else {}


def _chain(model: nnx.Sequential, path: str) -> Iterator[Layer]:
    for i, layer in enumerate(model.layers):
        here = f"{path}layers.{i}."
        if isinstance(layer, nnx.Sequential):
            yield from _chain(layer, here)
        else:
            yield _layer(layer, here)


def _layer(layer: Any, path: str) -> Layer:
    function, given = (layer.func, layer.keywords) if isinstance(layer, functools.partial) else (layer, {})
    if isinstance(layer, nnx.Module) and getattr(layer, "kernel", None) is not None:
        return Layer((f"{path}kernel",))
    if isinstance(layer, PASSED):
        return Layer()
    if not isinstance(layer, nnx.Module) and function in FUNCTIONS:
        return Layer(activation=Activation(FUNCTIONS[function], float(given.get("negative_slope", 0.01))))
    if not isinstance(layer, nnx.Module) and function in END:
        return Layer(activation=LINEAR)
    return Layer(activation=Activation(getattr(function, "__name__", type(layer).__name__)))
