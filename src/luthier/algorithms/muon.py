"""Muon for matrices, AdamW for the rest."""

from __future__ import annotations

from math import prod
from typing import Any

from luthier.algorithms.adam import adamw
from luthier.algorithms.rule import Array, Now, State

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""Of the quintic Newton-Schulz iteration; singular values end between 0.7 and 1.2 (Jordan et al. 2024)."""
NUM_ITERATIONS = 5
TINY = 1e-7
RMS = 0.2
"""Root of the mean square of an AdamW step, which the step is scaled to (Liu et al. 2025, 2502.16982)."""


def muon(xp: Any, grad: Array, state: State, now: Now) -> tuple[Array, State]:
    """m = mu m + (1 - mu) g; d = 0.2 sqrt(max(rows, columns)) orthogonal((1 - mu) g + mu m).

    For weights of two axes and more, the outputs against all else; biases and scales get AdamW. The scale makes steps
    as long as those of AdamW, so lr and weight decay mean the same in both parts: `torch.optim.Muon` with
    adjust_lr_fn="match_rms_adamw". Jordan et al. 2024 (kellerjordan.github.io/posts/muon); scale: 2502.16982.
    "v" stays 0 for a matrix.
    """
    n = now.numbers
    if len(grad.shape) < 2:
        return adamw(xp, grad, state, now)
    mean = n["momentum"] * state["m"] + (1.0 - n["momentum"]) * grad
    ahead = (1.0 - n["momentum"]) * grad + n["momentum"] * mean
    shape = tuple(int(size) for size in grad.shape)
    outputs = shape[now.outputs]
    others = prod(shape) // outputs
    matrix = xp.reshape(ahead, (outputs, others) if now.outputs == 0 else (others, outputs))
    direction = RMS * max(outputs, others) ** 0.5 * xp.reshape(orthogonal(xp, matrix), shape)
    return direction, {"m": mean, "v": state["v"]}


def orthogonal(xp: Any, matrix: Array) -> Array:
    """Nearly U V' of the singular value decomposition U S V' of a matrix, by five Newton-Schulz iterations.

    X = matrix / (|matrix| + 1e-7), then X = a X + (b A + c A^2) X with A = X X'.
    """
    a, b, c = COEFFICIENTS
    tall = matrix.shape[0] > matrix.shape[1]
    x = xp.swapaxes(matrix, 0, 1) if tall else matrix
    x = x / (xp.sqrt(xp.sum(x * x)) + TINY)
    for _ in range(NUM_ITERATIONS):
        square = xp.matmul(x, xp.swapaxes(x, 0, 1))
        x = a * x + xp.matmul(b * square + c * xp.matmul(square, square), x)
    return xp.swapaxes(x, 0, 1) if tall else x
