"""Which activation follows each layer of a Keras model.

A layer's own activation is known in every model of Keras' own layers; what comes after a layer without one, in a
Sequential and for the last layer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import keras

from luthier.algorithms.initialisers import Factors
from luthier.engines.following import LINEAR, Activation, Layer, factors_of

LAYERS = {keras.layers.ReLU: "relu", keras.layers.Softmax: "linear"}
END = ("softmax", "log_softmax", "linear")
"""Activations of a last layer whose numbers before are logits."""
PASSED = ("Dropout", "Normalization", "Pooling", "Flatten", "Reshape", "Permute", "InputLayer", "Regularization")
"""In the names of layers that leave the choice to what comes after them."""
SLOPE = 0.2
"""Of Keras' leaky_relu, where it is named."""


def factors(model: keras.Model, names: Mapping[int, str], init: str) -> Factors:
    """Of the kernels.

    Args:
        names: {id of the variable: its name}.
    """
    chain = list(_chain(model, names))
    if isinstance(model, keras.Sequential):
        return factors_of(chain, init)
    alone = [factors_of([layer], init) for layer in chain[:-1] if layer.activation is not None]
    last = factors_of(chain[-1:], init)
    return {name: factor for each in [*alone, last] for name, factor in each.items()}


def _chain(model: keras.Model, names: Mapping[int, str]) -> Iterator[Layer]:
    for layer in model.layers:
        if isinstance(layer, keras.Sequential):
            yield from _chain(layer, names)
        else:
            yield _layer(layer, names)


def _layer(layer: Any, names: Mapping[int, str]) -> Layer:
    matrices = [v for v in layer.weights if len(v.shape) >= 2 and v.path.rpartition("/")[2] == "kernel"]
    weights = tuple(names[id(variable)] for variable in matrices)
    own = _activation(getattr(layer, "activation", None))
    if isinstance(layer, keras.layers.LeakyReLU):
        own = Activation("leaky_relu", float(layer.negative_slope))
    elif type(layer) in LAYERS:
        own = Activation(LAYERS[type(layer)])
    elif not weights and own is None and not any(word in type(layer).__name__ for word in PASSED):
        own = Activation(type(layer).__name__)
    return Layer(weights, own)


def _activation(function: Any) -> Activation | None:
    if function in (None, keras.activations.linear):
        return None
    name = getattr(function, "__name__", type(function).__name__)
    return LINEAR if name in END else Activation(name, SLOPE)
