"""A last softmax or sigmoid: Keras users often end in probabilities, luthier's losses take logits."""

from __future__ import annotations

from typing import Any

import keras

PROBABILITIES = (keras.activations.softmax, keras.activations.sigmoid)


def take_out_(model: keras.Model) -> bool:
    """Let the model end in the numbers before its last softmax or sigmoid; was there one?"""
    layer = _last(model)
    if type(layer) is keras.layers.Softmax:
        layer.call = _identity
        return True
    if getattr(layer, "activation", None) in PROBABILITIES:
        layer.activation = keras.activations.linear
        return True
    return False


def by_keras(layer: Any) -> bool:
    """Is the class one of Keras' own, so that what it does is known?"""
    return type(layer).__module__.partition(".")[0] == "keras"


def _last(model: Any) -> Any:
    """The layer that gives the output; None where it is not to be seen: in own code, or a function of `ops`."""
    layers = [layer for layer in model.layers if not isinstance(layer, keras.layers.InputLayer)]
    if not by_keras(model) or not layers:
        return None
    layer = layers[-1]
    if isinstance(layer, keras.Model):
        return _last(layer)
    shown = isinstance(model, keras.Sequential) or layer.output is model.outputs[0]
    return layer if shown else None


def _identity(inputs: Any, mask: Any = None) -> Any:
    del mask  # the layer's own signature has it
    return inputs
