"""The rows of one step, as the loop hands them to the model and the loss."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch

from luthier.algorithms.mixing import Mix, mixed
from luthier.data.streams import Stream
from luthier.data.trees import Tree
from luthier.engines.checks import must_hold
from luthier.engines.torch.own import streamed, unpacked

IMAGE_AXES = (2, 3)
BLOCK_NUMBERS, LEAST_BLOCK, MOST_BLOCK = 1 << 15, 32, 1024
"""Numbers in the rows that are evaluated at once on a CPU, and bounds of how many rows: what a layer of a
convolutional net makes of 40 images fits into the cache, of 1,000 it does not (1.9 times as slow), and the memory
does not grow with the data."""


class Drawn(NamedTuple):
    """Rows that were gathered: inputs as the model takes them, targets [B, ...], and whether these mean anything."""

    inputs: Any
    targets: torch.Tensor
    labelled: bool = True


class Placed(NamedTuple):
    """Data on the device: inputs [n, ...] float32; targets int64 [n] or float32 [n] or [n, k].

    `tree`, `labelled`, `whole`, `stream`: see `luthier.engines.spec.Source`.
    """

    inputs: torch.Tensor
    targets: torch.Tensor
    tree: Tree | None = None
    labelled: bool = True
    whole: bool = False
    stream: Stream | None = None

    def inputs_of(self, rows_B: torch.Tensor) -> Any:
        """Inputs of some rows, as the model takes them."""
        rows = self.inputs.index_select(0, rows_B)
        if self.tree is not None:
            return unpacked(rows, self.tree)
        return rows.long() if self.whole else rows

    def block(self) -> int:
        """How many rows are evaluated at once."""
        if self.inputs.device.type != "cpu":
            return MOST_BLOCK
        size = self.inputs[:1].numel()
        return min(max(BLOCK_NUMBERS // max(size, 1), LEAST_BLOCK), MOST_BLOCK)

    def at(self, rows_B: torch.Tensor) -> Drawn:
        """Some rows."""
        return Drawn(self.inputs_of(rows_B), self.targets.index_select(0, rows_B), self.labelled)

    def batch(self, rows_B: torch.Tensor) -> tuple[Any, torch.Tensor]:
        """Inputs and targets of some rows."""
        return self.at(rows_B)[:2]

    def drawn(self, rows_B: torch.Tensor, seed: int, step: int) -> Drawn:
        """The rows of a step, or, where training batches come from loaders, what they give for it."""
        if self.stream is None:
            return self.at(rows_B)
        found = self.stream.batch(seed, step, batch_size=len(rows_B))
        return Drawn(*streamed(found, self.labelled, whole=self.whole, device=self.inputs.device), self.labelled)


class Batch(NamedTuple):
    """Inputs and targets [B, ...] with what a step asks of their loss.

    Args:
        weights: of the rows, [B]; None: 1. share: of a row's own target, the rest is its partner's.
        num_parts: in how many parts the gradient is found. labelled: do the targets mean anything?
    """

    inputs: Any
    targets: torch.Tensor
    smoothing: float
    weights: torch.Tensor | None = None
    partners: torch.Tensor | None = None
    share: float = 1.0
    num_parts: int = 1
    labelled: bool = True

    @classmethod
    def of(cls, drawn: Drawn, weights_B: torch.Tensor | None, numbers: Mapping[str, float]) -> Batch:
        """The batch of a step by the numbers of the plan; none: plain."""
        inputs, targets, labelled = drawn
        batch = cls(inputs, targets, numbers.get("label_smoothing", 0.0), weights_B, labelled=labelled)
        if not numbers:
            return batch
        batch = batch._replace(num_parts=int(numbers["accumulate"]))
        mix = Mix(*(numbers[name] for name in Mix._fields))
        if mix == Mix():
            return batch
        must_hold(
            isinstance(inputs, torch.Tensor), "mixup or cutmix on a dict or tuple of inputs", "inputs of one array"
        )

        def arange(size: int) -> torch.Tensor:
            return torch.arange(size, device=inputs.device)

        inputs, share = mixed(torch, inputs, inputs.roll(1, 0), mix, axes=IMAGE_AXES, arange=arange)
        return batch._replace(inputs=inputs, partners=targets.roll(1, 0), share=float(share))

    def parts(self) -> list[Batch]:
        """Parts of equal size."""
        if self.num_parts == 1:
            return [self]
        size = len(self.targets) // self.num_parts

        def cut(value: Any, i: int) -> Any:
            if isinstance(value, Mapping):
                return {key: cut(below, i) for key, below in value.items()}
            if isinstance(value, tuple):
                return tuple(cut(below, i) for below in value)
            return None if value is None else value[i * size : (i + 1) * size]

        return [
            self._replace(
                inputs=cut(self.inputs, i),
                targets=cut(self.targets, i),
                weights=cut(self.weights, i),
                partners=cut(self.partners, i),
            )
            for i in range(self.num_parts)
        ]

    def whole(self) -> Any:
        """What a loss of one's own is called with."""
        return (self.inputs, self.targets) if self.labelled else self.inputs

    def loss(self, criterion: Callable[..., torch.Tensor], outputs: torch.Tensor) -> torch.Tensor:
        """The mean over the rows."""
        if self.weights is None and self.partners is None:
            return criterion(outputs, self.targets, self.smoothing, "mean")
        losses_B = criterion(outputs, self.targets, self.smoothing, "none")
        if self.partners is not None:
            others_B = criterion(outputs, self.partners, self.smoothing, "none")
            losses_B = self.share * losses_B + (1.0 - self.share) * others_B
        return (losses_B if self.weights is None else self.weights * losses_B).mean()
