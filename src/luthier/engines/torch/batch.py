"""The rows of one step, as the loop hands them to the model and the loss."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch

from luthier.algorithms.mixing import Mix, mixed

IMAGE_AXES = (2, 3)


class Placed(NamedTuple):
    """Data on the device: inputs [n, ...] float32; targets int64 [n] or float32 [n] or [n, k]."""

    inputs: torch.Tensor
    targets: torch.Tensor

    def batch(self, rows_B: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Inputs and targets of some rows."""
        return self.inputs.index_select(0, rows_B), self.targets.index_select(0, rows_B)


class Batch(NamedTuple):
    """Inputs and targets [B, ...] with what a step asks of their loss.

    Args:
        weights: of the rows, [B]; None: 1. share: of a row's own target, the rest is its partner's.
        num_parts: in how many parts the gradient is found.
    """

    inputs: torch.Tensor
    targets: torch.Tensor
    smoothing: float
    weights: torch.Tensor | None = None
    partners: torch.Tensor | None = None
    share: float = 1.0
    num_parts: int = 1

    @classmethod
    def of(
        cls, data: Placed, rows_B: torch.Tensor, weights_B: torch.Tensor | None, numbers: Mapping[str, float]
    ) -> Batch:
        """The batch of a step by the numbers of the plan."""
        inputs, targets = data.batch(rows_B)
        mix = Mix(*(numbers[name] for name in Mix._fields))
        batch = cls(inputs, targets, numbers["label_smoothing"], weights_B, num_parts=int(numbers["accumulate"]))
        if mix == Mix():
            return batch

        def arange(size: int) -> torch.Tensor:
            return torch.arange(size, device=inputs.device)

        inputs, share = mixed(torch, inputs, inputs.roll(1, 0), mix, axes=IMAGE_AXES, arange=arange)
        return batch._replace(inputs=inputs, partners=targets.roll(1, 0), share=float(share))

    def parts(self) -> list[Batch]:
        """Parts of equal size."""
        if self.num_parts == 1:
            return [self]
        size = len(self.inputs) // self.num_parts

        def cut(tensor: torch.Tensor | None, i: int) -> torch.Tensor | None:
            return None if tensor is None else tensor[i * size : (i + 1) * size]

        return [
            self._replace(
                inputs=self.inputs[i * size : (i + 1) * size],
                targets=self.targets[i * size : (i + 1) * size],
                weights=cut(self.weights, i),
                partners=cut(self.partners, i),
            )
            for i in range(self.num_parts)
        ]

    def loss(self, criterion: Callable[..., torch.Tensor], outputs: torch.Tensor) -> torch.Tensor:
        """The mean over the rows."""
        if self.weights is None and self.partners is None:
            return criterion(outputs, self.targets, self.smoothing, "mean")
        losses_B = criterion(outputs, self.targets, self.smoothing, "none")
        if self.partners is not None:
            others_B = criterion(outputs, self.partners, self.smoothing, "none")
            losses_B = self.share * losses_B + (1.0 - self.share) * others_B
        return (losses_B if self.weights is None else self.weights * losses_B).mean()
