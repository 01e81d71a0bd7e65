"""The execution modes of the torch engine: how each makes a population of a plan."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn

from luthier.engines.spec import Loss, Mode, Population
from luthier.engines.torch import constants
from luthier.engines.torch.flat import Shelf, layout_of
from luthier.engines.torch.fused import FusedPopulation, Gradients
from luthier.engines.torch.loop import LoopPopulation
from luthier.engines.torch.losses import LOSSES
from luthier.engines.torch.model import Blueprint, buffers_of
from luthier.engines.torch.randomness import Clock, Draws, own_draws, replace_dropout_
from luthier.engines.torch.refusal import Refused
from luthier.engines.torch.vmap import Handed, VmapGradients

CHANNELS_LAST = Mode("channels_last", bit_equal_across_P=True)
VMAP = Mode("vmap", bit_equal_across_P=False)
GROUPED = Mode("grouped", bit_equal_across_P=False)
COMPILED = Mode("compiled", bit_equal_across_P=False, recompiles_on=("batch size",), build_s=20.0)


def loop(plan: Blueprint, loss: Loss, P: int) -> Population:
    """One slot after another: the reference."""
    return LoopPopulation(plan, loss, P)


def channels_last(plan: Blueprint, loss: Loss, P: int) -> Population:
    """The loop with images and kernels in the memory order that convolutions on a CPU like best.

    Raises:
        Refused: there is no convolution over images.
    """
    if not any(isinstance(m, nn.Conv2d | nn.ConvTranspose2d) for m in plan.build(seed=0).modules()):
        raise Refused("the model has no Conv2d: it would be the loop itself")
    return LoopPopulation(plan._replace(memory_format=torch.channels_last), loss, P, CHANNELS_LAST)


def vmap(plan: Blueprint, loss: Loss, P: int) -> Population:
    """One step mapped over the slots by torch.func."""
    handed = Handed()
    model = _skeleton(plan, handed)
    shelf = _shelf(model, plan)

    def make(inputs: torch.Tensor) -> Gradients:
        calls = _dropout_calls(plan, inputs[0])
        return VmapGradients(model, shelf.layout, LOSSES[loss.name], handed=handed, calls=calls, free=plan.free())

    return FusedPopulation(VMAP, plan, loss, P, shelf=shelf, make_gradients=make)


def grouped(plan: Blueprint, loss: Loss, P: int) -> Population:
    """All slots in batched kernels, written for each layer."""
    from luthier.engines.torch.grouped import trace
    from luthier.engines.torch.grouped.gradients import GroupedGradients, Losses

    model = _skeleton(plan, Handed())
    shelf = _shelf(model, plan)
    losses = Losses(trace(model), shelf.layout, LOSSES[loss.name])

    def make(_inputs: torch.Tensor) -> Gradients:
        return GroupedGradients(losses, plan.free())

    return FusedPopulation(GROUPED, plan, loss, P, shelf=shelf, make_gradients=make)


def compiled(plan: Blueprint, loss: Loss, P: int) -> Population:
    """The grouped mode's gradients as one program made by torch.compile."""
    from luthier.engines.torch.compiled import CompiledGradients
    from luthier.engines.torch.grouped import trace
    from luthier.engines.torch.grouped.gradients import Losses

    model = _skeleton(plan, Handed())
    shelf = _shelf(model, plan)
    losses = Losses(trace(model), shelf.layout, LOSSES[loss.name])

    def make(inputs: torch.Tensor) -> Gradients:
        rates = constants.rates_of(model)
        calls = [(layer, shape, rates[layer]) for layer, shape in _dropout_calls(plan, inputs[0])]
        return CompiledGradients(losses, calls=calls, free=plan.free(), device=plan.device)

    return FusedPopulation(COMPILED, plan, loss, P, shelf=shelf, make_gradients=make, one_width=True)


MODES: dict[str, Callable[[Blueprint, Loss, int], Population]] = {
    "loop": loop,
    "channels_last": channels_last,
    "vmap": vmap,
    "grouped": grouped,
    "compiled": compiled,
}
"""By name, the reference first."""
SLOT_BY_SLOT = ("loop", "channels_last")
"""Those that take every setting of a recipe."""


def _skeleton(plan: Blueprint, draws: Any) -> nn.Module:
    """The model whose code is run with other weights than its own.

    Raises:
        Refused: it holds a tensor that is neither weight nor buffer.
    """
    model = plan.build(seed=0)
    for path, module in model.named_modules():
        for name, value in vars(module).items():
            if isinstance(value, torch.Tensor):
                raise Refused(
                    f"{path or 'the model'} ({type(module).__name__}) holds the tensor {name!r}, which is neither "
                    "a parameter nor a buffer: each trial may have another",
                    f"Use self.register_buffer({name!r}, ...)",
                )
    replace_dropout_(model, draws)
    return model


def _shelf(model: nn.Module, plan: Blueprint) -> Shelf:
    frozen = {n: p.detach() for n, p in model.named_parameters() if not p.requires_grad}
    return Shelf(layout_of(model, plan.grouping), buffers_of(model), frozen, plan.device)


class _Recorder(Draws):
    """Notes which layers draw, and in which shapes."""

    def __init__(self) -> None:
        super().__init__([Clock()])
        self.calls: list[tuple[int, tuple[int, ...]]] = []

    def mask(self, layer: int, shape: Sequence[int], rates: Sequence[float], *, like: torch.Tensor) -> torch.Tensor:
        self.calls.append((layer, tuple(shape)))
        return super().mask(layer, shape, rates, like=like)


def _dropout_calls(plan: Blueprint, batch: torch.Tensor) -> list[tuple[int, tuple[int, ...]]]:
    """(layer, shape of its mask) of each call in a step on a batch [B, ...], whatever the rates."""
    recorder = _Recorder()
    model = plan.build(seed=0)
    replace_dropout_(model, recorder)
    rates = [name for name in constants.constants_of(model) if constants.is_rate(name)]
    constants.load_(model, dict.fromkeys(rates, 0.5))
    with own_draws(plan.device), torch.no_grad():
        model(batch)
    return recorder.calls
