"""The mode "grouped": one forward pass of P slots in batched kernels, one backward pass of their losses' sum."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch

from luthier.engines.torch.constants import Split
from luthier.engines.torch.flat import Layout, Rows, Tensors
from luthier.engines.torch.grouped.program import Program
from luthier.engines.torch.grouped.values import Constant, Draw
from luthier.engines.torch.losses import LossOfSlots
from luthier.engines.torch.randomness import Draws

Batch = tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]
"""Inputs [A, B, ...], targets [A, B, ...], smoothing [A]."""


class Losses(NamedTuple):
    """The losses of A slots by one forward pass of their program."""

    program: Program
    layout: Layout
    loss: LossOfSlots

    def __call__(
        self, weights_AN: torch.Tensor, others: Tensors, numbers: dict[str, Constant], batch: Batch, draw: Draw
    ) -> torch.Tensor:
        """[A]; `others`: buffers, which move on in place, and frozen weights, [A, ...]."""
        inputs, targets, smoothing_A = batch
        outputs = self.program(self.layout.views(weights_AN) | others, numbers, inputs, draw)
        return self.loss(outputs if outputs.ndim == 3 else outputs[..., None], targets, smoothing_A)


def fixed_of(rows: Rows) -> Tensors:
    """Frozen weights as [A, ...], also those that are held once."""
    return rows.frozen | {n: t.expand(rows.num_slots, *t.shape) for n, t in rows.shared.items()}


class GroupedGradients:
    """See `luthier.engines.torch.fused.Gradients`. The sum is safe: no slot's loss is in another's gradient."""

    def __init__(self, losses: Losses, free: Sequence[str]) -> None:
        self._losses, self._split = losses, Split(free)

    def __call__(
        self, rows: Rows, inputs: torch.Tensor, targets: torch.Tensor, smoothing_A: torch.Tensor | None, draws: Draws
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """(loss [A], gradient [A, N])."""
        A = len(inputs)
        leaf_AN = rows.weights.detach().requires_grad_()
        uniform, own = self._split(rows.constants, rows.weights)

        def draw(layer: int, shape: Sequence[int], rates: Constant, like: torch.Tensor) -> torch.Tensor:
            each = [rates] * A if isinstance(rates, float) else rates.tolist()
            return draws.mask(layer, shape, each, like=like)

        others = fixed_of(rows) | rows.buffers
        loss_A = self._losses(leaf_AN, others, uniform | own, (inputs, targets, smoothing_A), draw)
        (grads_AN,) = torch.autograd.grad(loss_A.sum(), leaf_AN)
        return loss_A.detach(), grads_AN
