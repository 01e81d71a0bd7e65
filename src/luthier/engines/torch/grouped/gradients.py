"""The mode "grouped": one forward pass of P slots in batched kernels, one backward pass of their losses' sum."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from luthier.engines.torch.constants import Split
from luthier.engines.torch.flat import Layout, Rows
from luthier.engines.torch.grouped.program import Program
from luthier.engines.torch.grouped.values import Constant
from luthier.engines.torch.losses import LossOfSlots
from luthier.engines.torch.randomness import Draws


class GroupedGradients:
    """See `luthier.engines.torch.fused.Gradients`. The sum is safe: no slot's loss is in another's gradient."""

    def __init__(self, program: Program, layout: Layout, loss: LossOfSlots, free: Sequence[str]) -> None:
        self._program, self._layout, self._loss = program, layout, loss
        self._split = Split(free)

    def __call__(
        self, rows: Rows, inputs: torch.Tensor, targets: torch.Tensor, smoothing_A: torch.Tensor | None, draws: Draws
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """(loss [A], gradient [A, N])."""
        A = len(inputs)
        leaf_AN = rows.weights.detach().requires_grad_()
        shared = {name: tensor.expand(A, *tensor.shape) for name, tensor in rows.shared.items()}
        tensors = self._layout.views(leaf_AN) | rows.frozen | shared | rows.buffers
        uniform, own = self._split(rows.constants, rows.weights)

        def draw(layer: int, shape: Sequence[int], rates: Constant, like: torch.Tensor) -> torch.Tensor:
            each = [rates] * A if isinstance(rates, float) else rates.tolist()
            return draws.mask(layer, shape, each, like=like)

        outputs = self._program(tensors, uniform | own, inputs, draw)
        outputs = outputs if outputs.ndim == 3 else outputs[..., None]
        loss_A = self._loss(outputs, targets, smoothing_A)
        (grads_AN,) = torch.autograd.grad(loss_A.sum(), leaf_AN)
        return loss_A.detach(), grads_AN
