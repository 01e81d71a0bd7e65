"""The mode "vmap": one model's step, mapped over the slots by torch.func.

It takes the gradient inside the map, on a real copy of the model: the other order ignores `padding_idx`, and a copy
on the meta device unties tied weights, both without a word.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn
from torch.func import functional_call, grad_and_value

from luthier.engines.torch import constants
from luthier.engines.torch.flat import Layout, Rows, Tensors
from luthier.engines.torch.losses import LossOfSlots, or_zeros
from luthier.engines.torch.model import as_rows
from luthier.engines.torch.randomness import Draws
from luthier.engines.torch.statistics import normalised


class Handed:
    """Stands in the place of a model's `Draws` within the map: hands out masks that were drawn before it."""

    def __init__(self) -> None:
        self.masks: dict[int, list[torch.Tensor]] = {}

    def mask(self, layer: int, shape: Sequence[int], rates: Sequence[float], *, like: torch.Tensor) -> Any:
        """[1, *shape]: the next mask of the layer."""
        return self.masks[layer].pop(0)[None]


class VmapGradients:
    """Losses and gradients of A slots.

    Args:
        model: with its dropout twins, which ask `handed`; its own weights are not used.
        calls: (layer, shape of the mask) of every dropout call of a step, in their order.
        free: see `Blueprint.free`.
    """

    def __init__(
        self,
        model: nn.Module,
        layout: Layout,
        loss: LossOfSlots,
        *,
        handed: Handed,
        calls: list[tuple[int, Any]],
        free: Sequence[str],
    ) -> None:
        self._model, self._layout, self._loss = model, layout, loss
        self._handed, self._calls = handed, calls
        self._replaced: set[str] = set()
        self._drawing = [(model.get_submodule(n.rpartition(".")[0]), n) for n in constants.rates_of(model).values()]
        self._split = constants.Split(free)

    def __call__(
        self, rows: Rows, inputs: torch.Tensor, targets: torch.Tensor, smoothing_A: torch.Tensor | None, draws: Draws
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """(loss [A], gradient [A, N]) of one batch a slot, inputs [A, B, ...]; buffers move on in place."""
        uniform, own = self._split(rows.constants, rows.weights)
        own = constants.without_rates(own)
        self._set(uniform, own)
        masks = self._masks(rows, draws, inputs)

        def loss_of(row_N: torch.Tensor, *rest: Any) -> torch.Tensor:
            buffers, frozen, own, masks, x, y, smoothing = rest
            for name, value in own.items():
                path, _, attribute = name.rpartition(".")
                setattr(self._model.get_submodule(path), attribute, value)
            self._handed.masks = {layer: list(each) for layer, each in masks.items()}
            weights = self._layout.views(row_N) | frozen | rows.shared | buffers
            outputs = as_rows(functional_call(self._model, weights, (x,)))
            return self._loss(outputs[None], y[None], smoothing[None])[0]

        mapped = torch.vmap(grad_and_value(loss_of))
        rest = (rows.buffers, rows.frozen, own, masks, inputs, targets, or_zeros(smoothing_A, rows.weights))
        grads_AN, loss_A = mapped(rows.weights, *rest)
        return loss_A.detach(), grads_AN.detach()

    def _masks(self, rows: Rows, draws: Draws, like: torch.Tensor) -> dict[int, list[torch.Tensor]]:
        """Of the layers that drop anything in any slot."""
        masks: dict[int, list[torch.Tensor]] = {}
        for module, name in self._drawing:
            rates = [c[name] for c in rows.constants]
            setattr(module, name.rpartition(".")[2], max(rates))
            if max(rates) > 0.0:
                shapes = [shape for layer, shape in self._calls if layer == module.number]
                masks[module.number] = [draws.mask(module.number, shape, rates, like=like) for shape in shapes]
        return masks

    def _set(self, uniform: dict[str, float], own: Tensors) -> None:
        """Numbers that all slots share stay Python floats, for torch's kernels; the others need formulas."""
        constants.load_(self._model, uniform)
        for path in self._replaced - {name.rpartition(".")[0] for name in own}:
            del self._model.get_submodule(path).forward
            self._replaced.discard(path)
        for name in own:
            path = name.rpartition(".")[0]
            module = self._model.get_submodule(path)
            if path not in self._replaced and type(module) in FORMULAS:
                formula = FORMULAS[type(module)]
                module.forward = lambda x, module=module, formula=formula: formula(module, x)
                self._replaced.add(path)


# ------------------------------------------------------------ layers whose numbers are tensors: as their formulas say


def _leaky_relu(module: Any, x: torch.Tensor) -> torch.Tensor:
    return torch.where(x >= 0, x, module.negative_slope * x)


def _elu(module: Any, x: torch.Tensor) -> torch.Tensor:
    return torch.where(x > 0, x, module.alpha * torch.expm1(x.clamp(max=0)))


def _layer_norm(module: Any, x: torch.Tensor) -> torch.Tensor:
    y = normalised(x, tuple(range(-len(module.normalized_shape), 0)), module.eps)
    y = y if module.weight is None else y * module.weight
    return y if module.bias is None else y + module.bias


def _affine(y: torch.Tensor, module: Any) -> torch.Tensor:
    shape = (-1, *([1] * (y.ndim - 2)))
    return y if module.weight is None else y * module.weight.view(shape) + module.bias.view(shape)


def _group_norm(module: Any, x: torch.Tensor) -> torch.Tensor:
    grouped = x.unflatten(1, (module.num_groups, -1))
    return _affine(normalised(grouped, tuple(range(2, grouped.ndim)), module.eps).flatten(1, 2), module)


def _batch_norm(module: Any, x: torch.Tensor) -> torch.Tensor:
    dims = (0, *range(2, x.ndim))
    if module.running_mean is not None:
        with torch.no_grad():
            module.num_batches_tracked.add_(1)
            for kept, now in ((module.running_mean, x.mean(dims)), (module.running_var, x.var(dims))):
                kept.copy_(kept + module.momentum * (now.detach() - kept))
    return _affine(normalised(x, dims, module.eps), module)


FORMULAS: dict[type[nn.Module], Callable[[Any, torch.Tensor], torch.Tensor]] = {
    nn.LeakyReLU: _leaky_relu,
    nn.ELU: _elu,
    nn.LayerNorm: _layer_norm,
    nn.GroupNorm: _group_norm,
    nn.BatchNorm1d: _batch_norm,
    nn.BatchNorm2d: _batch_norm,
}
