"""`luthier.algorithms.losses` in TensorFlow's words. Axes: B rows, C outputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf


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
    y = tf.reshape(tf.cast(targets, outputs.dtype), tf.shape(outputs))
    return tf.reduce_mean(tf.square(outputs - y), axis=-1)


LOSSES: dict[str, Callable[..., Any]] = {
    "cross_entropy": cross_entropy,
    "bce_with_logits": bce_with_logits,
    "mse": mse,
}
"""By the names of `engines.spec.Loss`."""
