"""Normalisations and dropout by their formulas: what the layers of the frameworks are compared with.

The array module `xp` is numpy, torch or jax.numpy; it is asked for `mean, sqrt`. Axes: B rows, C features.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from luthier.algorithms.rule import Array


class Running(NamedTuple):
    """Statistics that BatchNorm uses in evaluation, [C] each."""

    mean: Array
    variance: Array


def normalised(xp: Any, x: Array, axis: int, *, eps: float) -> tuple[Array, Array, Array]:
    """((x - mean) / sqrt(variance + eps), mean, variance) over an axis; the variance divides by n."""
    mean = xp.mean(x, axis=axis, keepdims=True)
    variance = xp.mean((x - mean) ** 2, axis=axis, keepdims=True)
    return (x - mean) / xp.sqrt(variance + eps), mean, variance


def batch_norm(
    xp: Any, x: Array, scale: Array, shift: Array, *, running: Running, weight: float = 0.1, eps: float = 1e-5
) -> tuple[Array, Running]:
    """BatchNorm in training: scale (x - mean) / sqrt(variance + eps) + shift over a batch, and what evaluation
    uses.

    Ioffe & Szegedy 2015, 1502.03167. The running variance divides by n - 1, as in torch; Flax and Keras divide by n.

    Args:
        x: [B, C]. scale, shift: [C]. weight: of the new batch in the running statistics; Flax and Keras
            name 1 - weight.
    """
    y, mean, variance = normalised(xp, x, 0, eps=eps)
    n = x.shape[0]
    after = Running(
        (1.0 - weight) * running.mean + weight * mean[0],
        (1.0 - weight) * running.variance + weight * variance[0] * n / (n - 1),
    )
    return scale * y + shift, after


def batch_norm_evaluated(
    xp: Any, x: Array, scale: Array, shift: Array, *, running: Running, eps: float = 1e-5
) -> Array:
    """BatchNorm in evaluation: with the running statistics, whatever rows come together."""
    return scale * (x - running.mean) / xp.sqrt(running.variance + eps) + shift


def layer_norm(xp: Any, x: Array, scale: Array, shift: Array, *, eps: float = 1e-5) -> Array:
    """LayerNorm: the same over the features of each row (Ba et al. 2016, 1607.06450). x [B, C]."""
    return scale * normalised(xp, x, -1, eps=eps)[0] + shift


def rms_norm(xp: Any, x: Array, scale: Array, *, eps: float = 1e-6) -> Array:
    """scale x / sqrt(mean of x^2 + eps) over the features (Zhang & Sennrich 2019, 1910.07467). x [B, C]."""
    return scale * x / xp.sqrt(xp.mean(x**2, axis=-1, keepdims=True) + eps)


def dropout(x: Array, kept: Array, rate: float) -> Array:
    """In training: x kept / (1 - rate), so that the mean stays; in evaluation nothing is done.

    Srivastava et al. 2014, JMLR 15, in the inverted form.

    Args:
        kept: 0 and 1, 1 with probability 1 - rate. rate: of what is dropped, below 1.
    """
    return x * kept / (1.0 - rate)
