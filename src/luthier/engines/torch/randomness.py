"""Random numbers as a function of (seed, step, layer): no generator state outlives a step.

Dropout layers are replaced by twins with a generator each. Whatever else draws (functional dropout,
attention, noise layers) uses torch's default generator, which the loop seeds anew at every step.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from luthier.errors import Unsupported

KEPT_AXES: dict[type[nn.Module], dict[int, int]] = {
    nn.Dropout: {},
    nn.Dropout1d: {2: 1, 3: 2},
    nn.Dropout2d: {3: 2, 4: 2},
    nn.Dropout3d: {4: 1, 5: 2},
}
"""Layers that have a twin: number of axes of the input -> leading axes of the mask (rows and channels;
channels only where torch takes the input for one row). Of any other input each element is drawn."""


class Clock:
    """The seeds of the current step, shared by a model and its dropout twins.

    Args:
        seeds: [0] for the default generator, [1 + i] for layer i; a new list every step.
        backward: is the backward pass under way? Then a call is a repeated one, of activation checkpointing.
    """

    def __init__(self) -> None:
        self.seeds: list[int] = []
        self.backward = False


def step_seeds(seed: int, first_step: int, shape: tuple[int, int]) -> list[list[int]]:
    """Seeds of `shape` = (steps, draws), 63 bits each, mixed so that the lower 32 differ: torch uses no more.

    The mixing is the finaliser of SplitMix64 (Steele et al. 2014), once for each of seed, step and draw.
    """
    steps_S1 = first_step + np.arange(shape[0], dtype=np.uint64)[:, None]
    mixed = _mixed(np.array([[seed]], np.int64).astype(np.uint64)) + steps_S1
    mixed = _mixed(_mixed(mixed) + np.arange(shape[1], dtype=np.uint64)[None, :])
    seeds: list[list[int]] = (mixed >> np.uint64(1)).tolist()
    return seeds


def _mixed(x: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


class Stream:
    """The random numbers of one layer: a generator, seeded when the clock has moved on."""

    def __init__(self, number: int, clock: Clock) -> None:
        self._number, self._clock = number, clock
        self._generator: torch.Generator | None = None
        self._seeds: list[int] = []
        self._num_calls = 0

    def generator(self, device: torch.device) -> torch.Generator:
        """Where this call of the layer draws from. A layer that is called again in a step goes on drawing."""
        if self._generator is None:
            self._generator = torch.Generator(device)
        clock = self._clock
        if clock.backward:
            self._begin_again()
        elif clock.seeds is not self._seeds:
            self._seeds, self._num_calls = clock.seeds, 0
        if self._num_calls == 0:
            self._generator.manual_seed(self._seeds[1 + self._number])
        self._num_calls += 1
        return self._generator

    def _begin_again(self) -> None:
        """Activation checkpointing repeats the forward pass: the numbers must be the same."""
        if self._num_calls > 1:
            raise Unsupported(
                f"dropout layer {self._number} is called {self._num_calls} times within a checkpoint",
                must="one call a step where activations are checkpointed",
                where="torch engine",
                remedy="Use a dropout layer of its own at each place",
            )
        self._num_calls = 0


class DropoutTwin(nn.Module):  # type: ignore[misc]  # the checker does not follow torch
    """Dropout whose mask is f(seed, step, layer), whatever else draws."""

    def __init__(self, layer: nn.Module, stream: Stream) -> None:
        super().__init__()
        self.p, self.inplace = float(layer.p), bool(layer.inplace)
        self._kept_axes, self._stream = KEPT_AXES[type(layer)], stream

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x * mask / (1 - p) in training mode, else x."""
        if not self.training or self.p == 0.0:
            return x
        kept = 1.0 - self.p
        axes = self._kept_axes.get(x.ndim, x.ndim)
        mask = torch.empty_like(x) if axes == x.ndim else x.new_empty(x.shape[:axes] + (1,) * (x.ndim - axes))
        mask.bernoulli_(kept, generator=self._stream.generator(x.device))
        if kept:
            mask.div_(kept)
        return x.mul_(mask) if self.inplace else x * mask

    def extra_repr(self) -> str:
        """As torch's own."""
        return f"p={self.p}, inplace={self.inplace}"


def replace_dropout_(model: nn.Module, clock: Clock) -> int:
    """Put twins in the place of the model's dropout layers; returns how many there are.

    A layer that stands in several places gets one twin. Subclasses of the layers are left alone.
    """
    twins: dict[nn.Module, DropoutTwin] = {}
    for name, module in list(model.named_modules(remove_duplicate=False)):
        if type(module) in KEPT_AXES and name:
            twin = twins.setdefault(module, DropoutTwin(module, Stream(len(twins), clock)))
            parent, _, last = name.rpartition(".")
            setattr(model.get_submodule(parent), last, twin)
    return len(twins)


@contextmanager
def own_draws(device: torch.device) -> Iterator[Any]:
    """A place to seed torch's default generators, restored afterwards; yields the function that seeds."""
    devices = [] if device.type == "cpu" else [device.index or 0]
    with torch.random.fork_rng(devices, device_type=device.type if devices else "cuda"):
        # torch.manual_seed visits every kind of device, which takes 0.1 ms
        yield torch.default_generator.manual_seed if device.type == "cpu" else torch.manual_seed
