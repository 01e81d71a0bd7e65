"""Losses, one value per example, written once for numpy, torch and jax.numpy.

The array module `xp` is asked for `abs, amax, arange, exp, log, log1p, mean, reshape, sum,
where`; torch takes numpy's `axis` and `keepdims`. Axes: B rows, C outputs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Array = Any
"""An array of any framework: the frameworks share no type that a checker knows."""


def cross_entropy(xp: Any, outputs: Array, targets: Array, smoothing: Any = 0.0) -> Array:
    """-sum_c q_c log softmax(outputs)_c with q = (1 - smoothing) onehot + smoothing / C.

    Args:
        outputs: logits [B, C], C >= 2. targets: class numbers [B].
        smoothing: share of the target probability spread over all classes (Szegedy et al. 2016, 1512.00567).
    """
    z = outputs - xp.amax(outputs, axis=-1, keepdims=True)
    log_sum = xp.log(xp.sum(xp.exp(z), axis=-1))
    of_target = z[xp.arange(z.shape[0]), targets]
    return log_sum - (1.0 - smoothing) * of_target - smoothing * xp.mean(z, axis=-1)


def bce_with_logits(xp: Any, outputs: Array, targets: Array, smoothing: Any = 0.0) -> Array:
    """-(y log s + (1 - y) log(1 - s)), s the sigmoid of the output; mean over the C outputs of a row.

    Stable as max(z, 0) - z y + log(1 + exp(-|z|)).

    Args:
        outputs: logits [B, C]. targets: probabilities, or 0 and 1, [B, C], or [B] where C = 1.
        smoothing: y becomes (1 - smoothing) y + smoothing / 2.
    """
    y = (1.0 - smoothing) * xp.reshape(targets, outputs.shape) + smoothing / 2.0
    size = xp.abs(outputs)
    return xp.mean((outputs + size) / 2.0 - outputs * y + xp.log1p(xp.exp(-size)), axis=-1)


def mse(xp: Any, outputs: Array, targets: Array, smoothing: Any = 0.0) -> Array:
    """(output - target)^2, mean over the C outputs of a row; there is nothing to smooth.

    Args:
        outputs: [B, C]. targets: [B, C], or [B] where C = 1.
    """
    del smoothing
    return xp.mean((outputs - xp.reshape(targets, outputs.shape)) ** 2, axis=-1)


def mae(xp: Any, outputs: Array, targets: Array, smoothing: Any = 0.0) -> Array:
    """|output - target|, mean over the C outputs of a row; its best constant is the median.

    Args:
        outputs: [B, C]. targets: [B, C], or [B] where C = 1.
    """
    del smoothing
    return xp.mean(xp.abs(outputs - xp.reshape(targets, outputs.shape)), axis=-1)


def huber(xp: Any, outputs: Array, targets: Array, smoothing: Any = 0.0, *, delta: float = 1.0) -> Array:
    """r^2 / 2 where |r| <= delta, else delta (|r| - delta / 2), mean over the C outputs (Huber 1964).

    Args:
        outputs: [B, C]. targets: [B, C], or [B] where C = 1. delta: where the line begins, in units of the target.
    """
    del smoothing
    size = xp.abs(outputs - xp.reshape(targets, outputs.shape))
    return xp.mean(xp.where(size <= delta, 0.5 * size * size, delta * (size - 0.5 * delta)), axis=-1)


def focal(xp: Any, outputs: Array, targets: Array, smoothing: Any = 0.0, *, gamma: float = 2.0) -> Array:
    """(1 - p)^gamma times the cross entropy, p the probability of the target (Lin et al. 2017, 1708.02002).

    Args:
        outputs: logits [B, C], C >= 2. targets: class numbers [B].
        gamma: how much less well-classified rows count; 0 is cross entropy. The paper's alpha is `class_weights`.
    """
    z = outputs - xp.amax(outputs, axis=-1, keepdims=True)
    log_p = z[xp.arange(z.shape[0]), targets] - xp.log(xp.sum(xp.exp(z), axis=-1))
    missed = 1.0 - xp.exp(log_p)
    missed = xp.where(missed > TINY, missed, TINY + 0.0 * missed)  # its power has no slope at 0 for gamma < 1
    return missed**gamma * cross_entropy(xp, outputs, targets, smoothing)


TINY = 1e-7

LOSSES: dict[str, Callable[..., Array]] = {
    "cross_entropy": cross_entropy,
    "bce_with_logits": bce_with_logits,
    "mse": mse,
    "mae": mae,
    "huber": huber,
    "focal": focal,
}
"""By the names of `engines.spec.Loss`."""
OF_CLASSES = ("cross_entropy", "focal")
"""Losses whose targets are class numbers; those of the others are real values."""
LOSS_OF_KIND = {
    "binary": "cross_entropy",
    "multiclass": "cross_entropy",
    "multilabel": "bce_with_logits",
    "regression": "mse",
}
"""The loss of a kind of task. Each is the negative log likelihood of what the outputs stand for: one class of several
(a binary task has two outputs, as it has two classes), labels that are there or not, a mean with equal noise."""
