"""Dropout layers whose rates are data: trials that differ in nothing else share a program."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import keras

LIFTED = (
    keras.layers.Dropout,
    keras.layers.SpatialDropout1D,
    keras.layers.SpatialDropout2D,
    keras.layers.SpatialDropout3D,
)
"""By exact type. A layer with rate 0 has no random stream, and stays what it is."""
Uniform = Callable[[Any, Any], Any]
"""(shape, stream) -> uniform numbers in [0, 1)."""


def leaves(model: keras.Model) -> Iterator[keras.Layer]:
    """The layers of a model and of the models inside, each once, in their order."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from leaves(layer)
        else:
            yield layer


def lifted(layer: Any) -> bool:
    """Is the layer's rate a number of the trial's?"""
    return type(layer) in LIFTED and layer.rate > 0.0


def lift_(model: keras.Model, held: dict[str, Any]) -> dict[str, Any]:
    """Let the layers read their rates from `held` when they are called; returns {"<name>.rate": layer}."""
    layers = list(dict.fromkeys(layer for layer in leaves(model) if lifted(layer)))
    found = {f"dropout_{i}.rate" if i else "dropout.rate": layer for i, layer in enumerate(layers)}
    for name, layer in found.items():
        layer.call = _call(layer, name, held)
    return found


def _call(layer: Any, name: str, held: dict[str, Any]) -> Callable[..., Any]:
    def call(inputs: Any, training: bool = False) -> Any:
        if not training:
            return inputs
        rate = keras.ops.cast(held[name], inputs.dtype)
        draw = uniform(noise_shape(layer, inputs), layer.seed_generator)
        scaled = inputs / keras.ops.maximum(1.0 - rate, 1e-6)  # rate 1 drops all: no division by 0 behind the mask
        return keras.ops.where(keras.ops.cast(draw, inputs.dtype) >= rate, scaled, keras.ops.zeros_like(inputs))

    return call


def noise_shape(layer: Any, inputs: Any) -> tuple[Any, ...]:
    """Of the mask: whole channels for the spatial kinds, as asked for `noise_shape`, else of the inputs."""
    shape = tuple(keras.ops.shape(inputs))
    if type(layer) is keras.layers.Dropout:
        asked = layer.noise_shape or (None,) * len(shape)
        return tuple(size if want is None else want for size, want in zip(shape, asked, strict=True))
    if getattr(layer, "data_format", "channels_last") == "channels_first":
        return (*shape[:2], *(1 for _ in shape[2:]))
    return (shape[0], *(1 for _ in shape[1:-1]), shape[-1])


def uniform(shape: tuple[Any, ...], stream: keras.random.SeedGenerator) -> Any:
    """Uniform numbers, float32. On TensorFlow by Philox by name: a graph and XLA then draw the same."""
    if keras.backend.backend() != "tensorflow":
        return keras.random.uniform(shape, dtype="float32", seed=stream)
    import tensorflow as tf

    seed = tf.cast(tf.math.floormod(stream.next(), tf.int32.max), tf.int32)
    return tf.random.stateless_uniform(shape, seed=seed, alg="philox")
