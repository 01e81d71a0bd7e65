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
Drop = Callable[[str, Any, Any], Any]
"""(name of the rate, layer, inputs) -> inputs, some of them dropped."""


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


def lift_(model: keras.Model, drop: Drop) -> dict[str, Any]:
    """Let the layers call `drop` in training; returns {"<name>.rate": layer}."""
    layers = list(dict.fromkeys(layer for layer in leaves(model) if lifted(layer)))
    found = {f"dropout_{i}.rate" if i else "dropout.rate": layer for i, layer in enumerate(layers)}
    for name, layer in found.items():
        layer.call = _call(layer, name, drop)
    return found


def _call(layer: Any, name: str, drop: Drop) -> Callable[..., Any]:
    def call(inputs: Any, training: bool = False) -> Any:
        return drop(name, layer, inputs) if training else inputs

    return call


def dropped(layer: Any, rate: Any, inputs: Any) -> Any:
    """The inputs with a share of `rate` set to 0, by the layer's random stream."""
    rate = keras.ops.cast(rate, inputs.dtype)
    draw = keras.ops.cast(_uniform(noise_shape(layer, inputs), layer.seed_generator), inputs.dtype)
    scaled = inputs / keras.ops.maximum(1.0 - rate, 1e-6)  # rate 1 drops all: no division by 0 behind the mask
    return keras.ops.where(draw >= rate, scaled, keras.ops.zeros_like(inputs))


def noise_shape(layer: Any, inputs: Any) -> tuple[Any, ...]:
    """Of the mask: whole channels for the spatial kinds, as asked for `noise_shape`, else of the inputs."""
    shape = tuple(keras.ops.shape(inputs))
    if type(layer) is keras.layers.Dropout:
        asked = layer.noise_shape or (None,) * len(shape)
        return tuple(size if want is None else want for size, want in zip(shape, asked, strict=True))
    if getattr(layer, "data_format", "channels_last") == "channels_first":
        return (*shape[:2], *(1 for _ in shape[2:]))
    return (shape[0], *(1 for _ in shape[1:-1]), shape[-1])


def _uniform(shape: tuple[Any, ...], stream: keras.random.SeedGenerator) -> Any:
    """Uniform numbers of 24 bits, float32."""
    if keras.backend.backend() != "tensorflow":
        return keras.random.uniform(shape, dtype="float32", seed=stream)
    return _hashed(shape, stream.next())


def _hashed(shape: tuple[Any, ...], seed: Any) -> Any:
    """The same on TensorFlow as a graph and by XLA, which draw different numbers of one seed by their own Philox.

    The number of an element and the two words of the seed go through the finaliser of MurmurHash3 (Appleby 2011).
    The words must look random, as those of `stream_words` do: seeds with one second word give shifted numbers.
    """
    import tensorflow as tf

    words = tf.unstack(tf.cast(seed, tf.uint32), num=2)
    mixed = tf.cast(tf.reshape(tf.range(tf.reduce_prod(shape)), shape), tf.uint32)
    for word in words:
        mixed += word
        for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35), (16, 1)):
            shifted = tf.bitwise.right_shift(mixed, tf.constant(shift, tf.uint32))
            mixed = tf.bitwise.bitwise_xor(mixed, shifted) * tf.constant(factor, tf.uint32)
    return tf.cast(tf.bitwise.right_shift(mixed, tf.constant(8, tf.uint32)), tf.float32) * 2.0**-24
