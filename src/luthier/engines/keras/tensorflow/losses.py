"""`luthier.algorithms.losses` in TensorFlow's words. Axes: B rows, C outputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from luthier.algorithms.losses import TINY


def cross_entropy(outputs: Any, targets: Any, smoothing: Any = 0.0) -> Any:
    """[B] of logits [B, C] and class numbers [B]."""
    log_p = tf.nn.log_softmax(outputs)
    of_target = tf.gather(log_p, tf.cast(targets, tf.int32), axis=1, batch_dims=1)
    return -(1.0 - smoothing) * of_target - smoothing * tf.reduce_mean(log_p, axis=-1)


def bce_with_logits(outputs: Any, targets: Any, smoothing: Any = 0.0) -> Any:
    """[B] of logits [B, C] and probabilities [B, C] or [B]."""
    y = tf.reshape(tf.cast(targets, outputs.dtype), tf.shape(outputs)) * (1.0 - smoothing) + smoothing / 2.0
    return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=y, logits=outputs), axis=-1)


def mse(outputs: Any, targets: Any, smoothing: Any = 0.0) -> Any:
    """[B] of values [B, C] and [B, C] or [B]; there is nothing to smooth."""
    del smoothing
    return tf.reduce_mean(tf.square(_missed(outputs, targets)), axis=-1)


def mae(outputs: Any, targets: Any, smoothing: Any = 0.0) -> Any:
    """[B] of values [B, C] and [B, C] or [B]; there is nothing to smooth."""
    del smoothing
    return tf.reduce_mean(tf.abs(_missed(outputs, targets)), axis=-1)


def huber(outputs: Any, targets: Any, smoothing: Any = 0.0, *, delta: float = 1.0) -> Any:
    """[B] of values [B, C] and [B, C] or [B]; delta: where the line begins."""
    del smoothing
    size = tf.abs(_missed(outputs, targets))
    return tf.reduce_mean(tf.where(size <= delta, 0.5 * size * size, delta * (size - 0.5 * delta)), axis=-1)


def focal(outputs: Any, targets: Any, smoothing: Any = 0.0, *, gamma: float = 2.0) -> Any:
    """[B] of logits [B, C] and class numbers [B]; gamma: how much less well-classified rows count."""
    missed = tf.maximum(1.0 - tf.exp(-cross_entropy(outputs, targets)), TINY)
    return missed**gamma * cross_entropy(outputs, targets, smoothing)


def _missed(outputs: Any, targets: Any) -> Any:
    return outputs - tf.reshape(tf.cast(targets, outputs.dtype), tf.shape(outputs))


LOSSES: dict[str, Callable[..., Any]] = {
    "cross_entropy": cross_entropy,
    "bce_with_logits": bce_with_logits,
    "mse": mse,
    "mae": mae,
    "huber": huber,
    "focal": focal,
}
"""By the names of `engines.spec.Loss`."""
