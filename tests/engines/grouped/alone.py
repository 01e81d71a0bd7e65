"""The judge of the grouped rules: each slot alone, by the model's own code."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import nn
from torch.func import functional_call

from luthier.engines.torch import constants
from luthier.engines.torch.constants import Split
from luthier.engines.torch.grouped import trace
from luthier.engines.torch.randomness import Clock, Draws, replace_dropout_

Tensors = dict[str, torch.Tensor]
TOLERANCE = 1e-9
"""float64, sums in another order."""


class Outcome(NamedTuple):
    """Outputs [P, ...], gradients of weights and inputs, buffers."""

    outputs: torch.Tensor
    grads: Tensors
    buffers: Tensors


class Case(NamedTuple):
    """P models of one structure with weights, buffers and numbers of their own, and their inputs [P, B, ...]."""

    models: list[nn.Module]
    x: torch.Tensor

    def only(self, slots: Sequence[int]) -> Case:
        """Some of the slots."""
        return Case([self.models[p] for p in slots], self.x[list(slots)])


def make(
    build: Callable[[], nn.Module],
    shape: Sequence[int],
    *,
    words: int = 0,
    dtype: torch.dtype = torch.float64,
    P: int = 3,
) -> Case:
    """Slots with random weights. Inputs are numbers, or words < `words`."""
    torch.manual_seed(0)
    models = [build().to(dtype) for _ in range(P)]
    for model in models:
        for tensor in [*model.parameters(), *model.buffers()]:
            if tensor.is_floating_point():
                tensor.data.add_(0.3 * torch.rand_like(tensor))
    x = torch.randint(words, (P, *shape)) if words else torch.randn(P, *shape, dtype=dtype)
    return Case(models, x)


def clocks(P: int) -> list[Clock]:
    """Of P slots, at different steps of different seeds."""
    found = [Clock() for _ in range(P)]
    for p, clock in enumerate(found):
        clock.begin(seed=p + 1, step=10 * p)
    return found


def weighed(outputs: torch.Tensor) -> torch.Tensor:
    """A number that depends on each output in a way of its own; of one slot."""
    return (outputs * torch.linspace(1, 2, outputs.numel()).to(outputs).view_as(outputs).cos()).sum()


def alone(case: Case) -> Outcome:
    """One slot after another."""
    found = []
    for model, rows, clock in zip(case.models, case.x, clocks(len(case.models)), strict=True):
        replace_dropout_(model, Draws([clock]))
        weights = {n: p.detach().clone().requires_grad_() for n, p in model.named_parameters()}
        buffers = {n: b.clone() for n, b in model.named_buffers()}
        x = rows.clone().requires_grad_(rows.is_floating_point())
        outputs = functional_call(model, weights | buffers, (x,))
        leaves = weights | ({"x": x} if x.requires_grad else {})
        grads = torch.autograd.grad(weighed(outputs), list(leaves.values()), materialize_grads=True)
        found.append(Outcome(outputs.detach(), dict(zip(leaves, grads, strict=True)), buffers))
    return Outcome(
        torch.stack([f.outputs for f in found]),
        {n: torch.stack([f.grads[n] for f in found]) for n in found[0].grads},
        {n: torch.stack([f.buffers[n] for f in found]) for n in found[0].buffers},
    )


def together(case: Case, free: Sequence[str] = ()) -> Outcome:
    """All slots by the grouped program; `free` numbers go in as tensors also where the slots agree."""
    P = len(case.models)
    draws = Draws(clocks(P))
    for model in case.models:
        replace_dropout_(model, draws)
    program = trace(case.models[0])
    rows = [dict(m.named_parameters()) for m in case.models]
    weights = {n: torch.stack([row[n].detach() for row in rows]).requires_grad_() for n in rows[0]}
    rows = [dict(m.named_buffers()) for m in case.models]
    buffers = {n: torch.stack([row[n] for row in rows]) for n in rows[0]}
    uniform, own = Split(free)([constants.constants_of(m) for m in case.models], next(iter(weights.values()), case.x))
    x = case.x.clone().requires_grad_(case.x.is_floating_point())

    def draw(layer: int, shape: Sequence[int], rates: float | torch.Tensor, like: torch.Tensor) -> torch.Tensor:
        each = [rates] * P if isinstance(rates, float) else rates.tolist()
        return draws.mask(layer, shape, each, like=like)

    outputs = program(weights | buffers, uniform | own, x, draw)
    leaves = weights | ({"x": x} if x.requires_grad else {})
    total = torch.stack([weighed(o) for o in outputs]).sum()
    grads = torch.autograd.grad(total, list(leaves.values()), materialize_grads=True)
    return Outcome(outputs.detach(), dict(zip(leaves, grads, strict=True)), buffers)


def assert_equal(found: Outcome, expected: Outcome, tolerance: float = TOLERANCE) -> None:
    """Outputs, gradients and buffers agree, measured by the largest number of each tensor."""
    _assert_close(found.outputs, expected.outputs, tolerance, "outputs")
    for name, grad in expected.grads.items():
        _assert_close(found.grads[name], grad, tolerance, f"gradient of {name}")
    for name, buffer in expected.buffers.items():
        _assert_close(found.buffers[name], buffer, tolerance, name)


def _assert_close(found: torch.Tensor, expected: torch.Tensor, tolerance: float, name: str) -> None:
    atol = tolerance * max(1.0, float(expected.abs().max()))
    torch.testing.assert_close(found, expected, rtol=tolerance, atol=atol, msg=lambda message: f"{name}: {message}")
