"""The states of Keras' random streams as a function of (seed, step, stream)."""

from __future__ import annotations

import numpy as np

from luthier.engines.spec import Array

LARGEST = np.uint64(2**31 - 2)
"""Keras takes seeds modulo this on TensorFlow."""


def stream_words(seed: Array, first_step: int, num_steps: int, *, num: int) -> Array:
    """int64 [S, num, 2] below 2^31 - 2, mixed by the finaliser of SplitMix64 (Steele et al. 2014).

    Args:
        seed: its high and low word, uint32 [2].
        num: streams of the model.

    >>> stream_words(np.array([0, 7], np.uint32), 5, 1, num=2).shape
    (1, 2, 2)
    """
    high, low = (np.uint64(word) for word in seed)
    base = _mixed(np.array([high << np.uint64(32) | low], np.uint64))
    by_step = _mixed(base + np.arange(first_step, first_step + num_steps, dtype=np.uint64))
    words = _mixed(by_step[:, None] + np.arange(num, dtype=np.uint64))
    pair = np.stack([words >> np.uint64(32), words & np.uint64(0xFFFFFFFF)], axis=-1)
    states: Array = (pair % LARGEST).astype(np.int64)
    return states


def _mixed(x: Array) -> Array:
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: Array = x ^ (x >> np.uint64(31))
    return mixed
