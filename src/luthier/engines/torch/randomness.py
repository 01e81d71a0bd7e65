"""Random numbers as a function of (seed, step, layer): no generator state outlives a step.

Dropout layers are replaced by twins that ask for their masks, in every execution mode in the same words, so that a
trial sees the same masks in all of them. Whatever else draws (functional dropout, noise layers) uses torch's
default generator, which the loop seeds anew at every step; such a model is not fused.

On the CPU the bits are those of Philox (Salmon et al. 2011) with the trial's seed as key and (call, layer, step) in
its counter: no state to keep, and a third of the time of torch's own `bernoulli_`. Elsewhere they are hashed on
the device (SplitMix64's finaliser, Steele et al. 2014). A mask keeps with a probability that is a multiple of 2^-16.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from math import prod
from typing import Any, NamedTuple

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
LEVELS = 1 << 16
_PHILOX = np.random.Philox(key=0)


class Clock:
    """Where one trial's random numbers stand: seed, step, and how often each layer has drawn in this step.

    Args:
        backward: is the backward pass under way? Then a call is a repeated one, of activation checkpointing.
    """

    def __init__(self) -> None:
        self.seed, self.step, self.backward = 0, 0, False
        self._num_calls: dict[int, int] = {}

    def begin(self, seed: int, step: int) -> None:
        """A step begins."""
        self.seed, self.step = seed, step
        self._num_calls.clear()

    def next_call(self, layer: int) -> int:
        """The number of this call of the layer within the step, from 0. A layer that is called again draws anew.

        Raises:
            Unsupported: activation checkpointing repeats a layer that was called more than once.
        """
        called = self._num_calls.get(layer, 0)
        if not self.backward:
            self._num_calls[layer] = called + 1
            return called
        if called > 1:
            raise Unsupported(
                f"dropout layer {layer} is called {called} times within a checkpoint",
                must="one call a step where activations are checkpointed",
                where="torch engine",
                remedy="Use a dropout layer of its own at each place",
            )
        return 0


class Draws:
    """The masks of P trials, each a function of its own clock only."""

    def __init__(self, clocks: Sequence[Clock]) -> None:
        self.clocks = clocks
        self._bounds: dict[tuple[Any, ...], tuple[Any, Any]] = {}  # of rates seen before

    def begin(self, seeds: Sequence[int], steps: Sequence[int]) -> None:
        """A step of each trial begins."""
        for clock, seed, step in zip(self.clocks, seeds, steps, strict=True):
            clock.begin(seed, step)

    def mask(self, layer: int, shape: Sequence[int], rates: Sequence[float], *, like: torch.Tensor) -> torch.Tensor:
        """[P, *shape], of the type and on the device of `like`: 0 where dropped, 1 / (kept share) elsewhere.

        Args:
            layer: number of the layer in its model.
            shape: of the mask of one trial.
            rates: P dropout rates, 0 <= rate <= 1.
        """
        P, num = len(self.clocks), prod(shape)
        calls = [(clock.seed, clock.step, layer, clock.next_call(layer)) for clock in self.clocks]
        bits_PN = _philox(calls, num) if like.device.type == "cpu" else _hashed(calls, num, like.device)
        seen = (*rates, like.dtype)
        if seen not in self._bounds:
            self._bounds[seen] = _bounds(rates, like)
        highest, scale = self._bounds[seen]
        mask_PN = torch.empty(P, num, dtype=like.dtype, device=like.device)
        return torch.le(bits_PN, highest, out=mask_PN).mul_(scale).view(P, *shape)


def _bounds(rates: Sequence[float], like: torch.Tensor) -> tuple[Any, Any]:
    """(highest bits that are kept, what they become): numbers, or [P, 1] where the slots differ."""
    kept = [LEVELS - round(LEVELS * rate) for rate in rates]
    highest = [max(k - 1, 0) - LEVELS // 2 for k in kept]
    scale = [LEVELS / k if k else 0.0 for k in kept]
    if len(set(kept)) == 1:
        return highest[0], scale[0]
    # of the bits' own type: a comparison of two types takes twice as long
    return (
        torch.tensor(highest, dtype=torch.int16, device=like.device)[:, None],
        torch.tensor(scale, dtype=like.dtype, device=like.device)[:, None],
    )


def _philox(calls: Sequence[tuple[int, int, int, int]], num: int) -> torch.Tensor:
    """int16 [P, num], uniform, by (seed, step, layer, call) of each trial."""
    words = -(-num // 4)
    bits_PN = np.empty((len(calls), 4 * words), np.int16)
    state = _PHILOX.state
    inner = state["state"]
    for p, (seed, step, layer, call) in enumerate(calls):
        inner["key"][:] = seed & 0xFFFFFFFFFFFFFFFF, 0
        inner["counter"][:] = 0, call, layer, step
        state["buffer_pos"] = 4  # empty
        _PHILOX.state = state
        bits_PN[p] = _PHILOX.random_raw(words).view(np.int16)
    return torch.from_numpy(bits_PN)[:, :num]


def _hashed(calls: Sequence[tuple[int, int, int, int]], num: int, device: torch.device) -> torch.Tensor:
    """As _philox, by arithmetic on the device: [P, num]."""
    keys = [np.uint64(0)] * len(calls)
    for part in zip(*calls, strict=True):
        numbers = np.array(part, np.int64).astype(np.uint64)
        keys = list(_mixed(np.array(keys, np.uint64) + numbers))
    key_P1 = torch.from_numpy(np.array(keys, np.uint64).view(np.int64)).to(device)[:, None]
    words = -(-num // 4)
    x = key_P1 + torch.arange(words, device=device) * _signed(0x9E3779B97F4A7C15)
    x = (x ^ _shifted(x, 30)) * _signed(0xBF58476D1CE4E5B9)
    x = (x ^ _shifted(x, 27)) * _signed(0x94D049BB133111EB)
    return (x ^ _shifted(x, 31)).view(torch.int16)[:, :num]


def _shifted(x: torch.Tensor, by: int) -> torch.Tensor:
    return (x >> by) & ((1 << (64 - by)) - 1)  # torch shifts the sign in


def _signed(number: int) -> int:
    return number - (1 << 64) if number >> 63 else number


def default_seeds(seed: int, first_step: int, num: int) -> list[int]:
    """Seeds of torch's default generator for `num` steps, 63 bits each, mixed so that the lower 32 differ: torch
    uses no more. The mixing is the finaliser of SplitMix64, once for each of seed and step."""
    steps_S = first_step + np.arange(num, dtype=np.uint64)
    mixed = _mixed(_mixed(np.array([seed], np.int64).astype(np.uint64)) + steps_S)
    seeds: list[int] = (mixed >> np.uint64(1)).tolist()
    return seeds


def _mixed(x: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


class DropoutTwin(nn.Module):
    """Dropout whose mask is f(seed, step, layer), whatever else draws.

    Args:
        number: of the layer in its model.
        draws: of one trial.
    """

    def __init__(self, layer: nn.Module, number: int, draws: Draws) -> None:
        super().__init__()
        self.p, self.inplace, self.number = float(layer.p), bool(layer.inplace), number
        self._kept_axes, self._draws = KEPT_AXES[type(layer)], draws

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x * mask in training mode, else x."""
        if not self.training or self.p == 0.0:
            return x
        mask = self._draws.mask(self.number, self.mask_shape(x.shape), [self.p], like=x)[0]
        return x.mul_(mask) if self.inplace else x * mask

    def mask_shape(self, shape: Sequence[int]) -> tuple[int, ...]:
        """Of the mask for an input of this shape: it broadcasts over whole channels."""
        axes = self._kept_axes.get(len(shape), len(shape))
        return (*shape[:axes], *([1] * (len(shape) - axes)))

    def extra_repr(self) -> str:
        """As torch's own."""
        return f"p={self.p}, inplace={self.inplace}"


class _Twin(NamedTuple):
    make: Callable[[Any, int, Draws], nn.Module]
    where: Callable[[Any], bool]


TWINS: dict[type[nn.Module], _Twin] = {kind: _Twin(DropoutTwin, lambda _: True) for kind in KEPT_AXES}
"""By exact type: what takes the place of a layer that draws. Whether there is one depends on the structure only,
not on the rate: trials of one program have rates of their own, and number their layers alike."""


def twin(kind: type[nn.Module], where: Callable[[Any], bool] = lambda _: True) -> Callable[[type], type]:
    """Register a twin, made by (layer, number, draws), for the layers of this type that fulfil `where`."""

    def register(made: type) -> type:
        TWINS[kind] = _Twin(made, where)
        return made

    return register


def adopt_(made: nn.Module, layer: nn.Module, number: int, draws: Draws) -> None:
    """Make a twin of a subclass of the layer's: the same parameters, children and settings, and its masks."""
    nn.Module.__init__(made)
    vars(made).update(vars(layer))
    made.dropout, made.number, made._draws = float(layer.dropout), number, draws


def replace_dropout_(model: nn.Module, draws: Draws) -> int:
    """Put twins in the place of the model's layers that draw; returns how many there are.

    A layer that stands in several places gets one twin. Subclasses of the layers are left alone.
    """
    made: dict[nn.Module, nn.Module] = {}
    for name, module in list(model.named_modules(remove_duplicate=False)):
        kind = TWINS.get(type(module))
        if kind is not None and name and kind.where(module):
            if module not in made:
                made[module] = kind.make(module, len(made), draws)
            parent, _, last = name.rpartition(".")
            setattr(model.get_submodule(parent), last, made[module])
    return len(made)


@contextmanager
def own_draws(device: torch.device) -> Iterator[Any]:
    """A place to seed torch's default generators, restored afterwards; yields the function that seeds."""
    devices = [] if device.type == "cpu" else [device.index or 0]
    with torch.random.fork_rng(devices, device_type=device.type if devices else "cuda"):
        # torch.manual_seed visits every kind of device, which takes 0.1 ms
        yield torch.default_generator.manual_seed if device.type == "cpu" else torch.manual_seed
