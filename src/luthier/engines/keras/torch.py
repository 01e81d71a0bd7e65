"""Keras models on torch: dressed as torch modules for the torch engine's loop."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import keras
import torch
from torch import nn

from luthier.engines.grouping import Grouping
from luthier.engines.keras.build import Blueprint
from luthier.engines.keras.foreign import makes_keras
from luthier.engines.keras.live import KerasOnTorch
from luthier.engines.keras.probabilities import logits_only
from luthier.engines.keras.rates import noise_shape
from luthier.engines.keras.skeleton import Skeleton
from luthier.engines.outside import Maker
from luthier.engines.serial.parts import Arrays, Tree
from luthier.engines.spec import Builder, GroupKey, Loss, Population, Snapshot, Source
from luthier.engines.torch import TorchEngine
from luthier.engines.torch.foreign import Outside
from luthier.engines.torch.model import Dress
from luthier.errors import Unsupported
from luthier.recipe import Recipe


class Dressed(Dress):
    """A Keras model as a torch module: its variables are parameters and buffers, under the names of the skeleton.

    Lifted dropout layers draw by torch layers of this module, for which the torch engine has twins.

    Args:
        made: (weights, buffers) -> a Keras model with them.
    """

    __slots__ = (
        "_made",
        "_skeleton",
    )  # not in vars(): the torch engine compares those, and the description says it all

    def __init__(self, skeleton: Skeleton, made: Callable[[Tree, Tree], keras.Model]) -> None:
        super().__init__()
        self._skeleton, self._made = skeleton, made
        told = skeleton if skeleton.description is None else skeleton.description
        self.__dict__["told"] = told  # a skeleton can not be compared: then settings decide who shares a program
        weights, buffers, _ = skeleton.variables()
        for name, variable in weights.items():
            room, last = self._room(name)
            room.register_parameter(last, variable.value)
        for name, variable in buffers.items():
            room, last = self._room(name)
            room.register_buffer(last, variable.value.data)  # the same memory: Keras writes into it
        for name, rate in skeleton.start().rates.items():
            room, _ = self._room(name)
            room.add_module("drop", nn.Dropout(rate))
        skeleton.drop = self._drop

    def forward(self, inputs: torch.Tensor) -> Any:
        """The model's outputs. Random streams start anew from torch's generator, which is seeded at every step."""
        _, _, streams = self._skeleton.variables()
        if self.training:
            for stream in streams:
                stream.assign(torch.randint(2**31 - 1, (2,)))
        return self._skeleton.model(inputs, training=self.training)

    def optimizer(self, maker: Maker, arrays: Snapshot, grouping: Grouping) -> Outside | None:
        """An optimizer of Keras on its variables."""
        if not makes_keras(maker):
            return None
        return KerasOnTorch(maker, self._skeleton.variables()[0], arrays, grouping=grouping)

    def inner(self) -> keras.Model:
        """A Keras model as the builder makes it, with these numbers."""
        weights, buffers, _ = self._skeleton.variables()
        arrays = ({name: v.value.detach() for name, v in room.items()} for room in (weights, buffers))
        return self._made(*arrays)

    def _room(self, name: str) -> tuple[nn.Module, str]:
        """The module in which a dotted name ends, and its last part."""
        *path, last = name.split(".")
        room: nn.Module = self
        for part in path:
            if part not in dict(room.named_children()):
                room.add_module(part, nn.Module())
            room = room.get_submodule(part)
        return room, last

    def _drop(self, name: str, layer: Any, inputs: torch.Tensor) -> torch.Tensor:
        drop = self.get_submodule(f"{name.rpartition('.')[0]}.drop")
        shape = noise_shape(layer, inputs)
        if shape == tuple(inputs.shape):
            return drop(inputs)
        return inputs * drop(torch.ones(shape, dtype=inputs.dtype, device=inputs.device))


class TorchBackendEngine:
    """See `luthier.engines.spec.Engine`.

    Args:
        inputs, outputs: widths of the data, for builders that ask for them.
        device: of torch; None is that of Keras.
    """

    name = "keras"
    framework = "keras"

    def __init__(self, inputs: int, outputs: int, device: str | None = None) -> None:
        self._sizes = (inputs, outputs)
        where = device or str(keras.ops.zeros(()).device)
        self._engine = TorchEngine(inputs, outputs, where, outputs_axis=-1, fits=("keras", "torch"))
        self.device = self._engine.device
        self._dressed: dict[tuple[Builder, str], Builder] = {}

    def modes(self) -> tuple[str, ...]:
        """The loop: faster modes hand weights to modules of torch's own."""
        return self._engine.modes()[:1]

    def inspect(self, builder: Builder, recipe: Recipe) -> GroupKey:
        """What the trial's program depends on: the structure of its model, not its dropout rates."""
        return self._engine.inspect(self._builder(builder, None), recipe)

    def open(self, builder: Builder, recipe: Recipe, loss: Loss, mode: str, P: int = 1) -> Population:
        """A population of width P.

        Raises:
            Unsupported: an unknown mode or loss, or a model that can not be trained as it is meant.
        """
        if mode not in self.modes():
            known = ", ".join(self.modes())
            raise Unsupported(f"mode={mode!r}", must=f"mode is one of {known}", where="Keras engine on torch")
        dressed = self._builder(builder, loss.of(recipe))
        self._engine.inspect(dressed, recipe)  # what can not be trained is answered now, not by the first trial
        return self._engine.open(dressed, recipe, loss, mode, P)

    def place(self, source: Source) -> Any:
        """Data on the device, once."""
        return self._engine.place(source)

    def _builder(self, builder: Builder, loss: Loss | None) -> Builder:
        """A builder of torch modules, the same one whenever it is asked for."""
        key = (builder, loss.name if loss else "")
        if key not in self._dressed:
            self._dressed[key] = _dressing(builder, loss, self._sizes)
        return self._dressed[key]


def _dressing(builder: Builder, loss: Loss | None, sizes: tuple[int, int]) -> Builder:
    @functools.wraps(builder)
    def build(**settings: Any) -> nn.Module:
        seed = torch.initial_seed()  # the torch engine has just set it
        plan = Blueprint(builder, settings, *sizes)
        model = plan.build(seed)

        def made(weights: Tree, buffers: Tree) -> keras.Model:
            return plan.module(Arrays(weights, {}, buffers), seed, {})

        if model.losses:
            raise Unsupported(
                "the model has regularizers",
                where="Keras engine on torch",
                remedy="Use luthier's weight_decay instead, or KERAS_BACKEND=jax or tensorflow",
            )
        skeleton = Skeleton(model, sizes[0])
        if loss is not None:
            skeleton = logits_only(skeleton, loss)
        return Dressed(skeleton, made)

    return build
