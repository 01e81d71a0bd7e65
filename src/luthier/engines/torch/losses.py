"""The losses of P slots at once, each with its own label smoothing: `luthier.algorithms.losses`, slot by slot.

Axes: P slots, B rows of a batch, C outputs.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch.nn import functional

LossOfSlots = Callable[[torch.Tensor, torch.Tensor, torch.Tensor | None], torch.Tensor]
"""(outputs [P, B, C], targets [P, B] or [P, B, C], smoothing [P] or None) -> mean over the batch [P]."""


def _cross_entropy(z: torch.Tensor, y: torch.Tensor, smoothing: torch.Tensor | None) -> torch.Tensor:
    """(1 - s) (-log p[y]) + s mean over classes of (-log p)."""
    log_p = functional.log_softmax(z, -1)
    hit = -log_p.gather(-1, y[..., None]).squeeze(-1).mean(-1)
    return hit if smoothing is None else hit + smoothing * (-log_p.mean((-1, -2)) - hit)


def _bce_with_logits(z: torch.Tensor, y: torch.Tensor, smoothing: torch.Tensor | None) -> torch.Tensor:
    y = y.reshape(z.shape).to(z.dtype)
    if smoothing is not None:
        y = y + smoothing[:, None, None] * (0.5 - y)
    return functional.binary_cross_entropy_with_logits(z, y, reduction="none").mean((-1, -2))


def _mse(z: torch.Tensor, y: torch.Tensor, smoothing: torch.Tensor | None) -> torch.Tensor:
    del smoothing  # one signature
    return (z - y.reshape(z.shape).to(z.dtype)).square().mean((-1, -2))


def or_zeros(smoothing_P: torch.Tensor | None, like_PN: torch.Tensor) -> torch.Tensor:
    """For programs that take a tensor only: no smoothing as zeros."""
    return like_PN.new_zeros(len(like_PN)) if smoothing_P is None else smoothing_P


LOSSES: dict[str, LossOfSlots] = {
    "cross_entropy": _cross_entropy,
    "bce_with_logits": _bce_with_logits,
    "mse": _mse,
}
