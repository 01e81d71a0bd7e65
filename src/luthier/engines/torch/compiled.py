"""The mode "compiled": the gradients of P slots, forward and backward, as one program made by torch.compile.

It pays where the work that is left is long against the building, tens of seconds. All slots are always computed: the
program is made for one width. On a GPU torch.compile captures it in a CUDA graph. Masks are drawn before the call, so
that a trial sees the same ones as in every other mode.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Sequence
from typing import Any

import torch
import torch._inductor
from torch.func import grad_and_value
from torch.fx.experimental.proxy_tensor import make_fx

from luthier.engines.torch import constants
from luthier.engines.torch.flat import Layout, Rows, Tensors
from luthier.engines.torch.grouped.program import Program
from luthier.engines.torch.losses import LossOfSlots
from luthier.engines.torch.randomness import Draws

Masks = dict[int, list[torch.Tensor]]


class CompiledGradients:
    """See `luthier.engines.torch.fused.Gradients`.

    Args:
        program: of the grouped mode.
        calls: (layer, shape of the mask, name of its rate) of every dropout call of a step, in their order.
        free: see `Blueprint.free`.
    """

    def __init__(
        self,
        program: Program,
        layout: Layout,
        loss: LossOfSlots,
        *,
        calls: Sequence[tuple[int, Sequence[int], str]],
        free: Sequence[str],
        device: torch.device,
    ) -> None:
        self._program, self._layout, self._loss = program, layout, loss
        self._calls, self._split = calls, constants.Split(free)
        self._options = {"triton.cudagraphs": device.type == "cuda"}
        self._compiled: Any = None

    def __call__(
        self, rows: Rows, inputs: torch.Tensor, targets: torch.Tensor, smoothing_A: torch.Tensor | None, draws: Draws
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """(loss [A], gradient [A, N])."""
        uniform, own = self._split(rows.constants, rows.weights)
        masks: Masks = {}
        for layer, shape, rate in self._calls:
            rates = [c[rate] for c in rows.constants]
            masks.setdefault(layer, []).append(draws.mask(layer, shape, rates, like=rows.weights))
        own = {name: value for name, value in own.items() if not constants.is_rate(name)}
        fixed = rows.frozen | {n: t.expand(len(inputs), *t.shape) for n, t in rows.shared.items()}
        if smoothing_A is None:
            smoothing_A = torch.zeros_like(rows.weights[:, 0])
        named = (fixed, rows.buffers, own)
        leaves = [
            rows.weights,
            *itertools.chain(*(part.values() for part in named)),
            inputs,
            targets,
            smoothing_A,
            *itertools.chain(*masks.values()),
        ]
        if self._compiled is None:
            with warnings.catch_warnings():  # torch 2.13 warns of its own deprecated parts while it compiles
                warnings.simplefilter("ignore", DeprecationWarning)
                self._compiled = self._built(leaves, named, uniform)
                self._compiled(*leaves)
        loss_A, grads_AN, *buffers = self._compiled(*leaves)
        for buffer, moved in zip(rows.buffers.values(), buffers, strict=True):
            buffer.copy_(moved)
        return loss_A, grads_AN

    def _built(self, leaves: list[torch.Tensor], named: Sequence[Tensors], uniform: dict[str, float]) -> Any:
        """The compiled program, a function of the leaves: traced to torch's elementary operations first, as
        torch.compile does not follow the rules' own code.

        Numbers that all slots of this structure share are part of it. Dropout is always on: the masks hold its rates.
        """
        numbers: dict[str, Any] = {n: 0.5 if constants.is_rate(n) else value for n, value in uniform.items()}
        rates, order = {rate: 0.5 for _, _, rate in self._calls}, [layer for layer, _, _ in self._calls]

        def flat(*values: torch.Tensor) -> Any:
            weights_AN, *rest = values
            left = iter(rest)
            fixed, buffers, own = ({name: next(left) for name in part} for part in named)
            inputs, targets, smoothing_A = (next(left) for _ in range(3))
            masks: Masks = {}
            for layer in sorted({layer for layer, _, _ in self._calls}, key=order.index):
                masks[layer] = [next(left) for other in order if other == layer]
            batch = (inputs, targets, smoothing_A, masks)
            loss_A, grads_AN, moved = self._gradients(weights_AN, fixed, buffers, numbers | rates | own, batch)
            return loss_A, grads_AN, *[moved[name] for name in buffers]

        return torch._inductor.compile(make_fx(flat)(*leaves), leaves, options=self._options)

    def _gradients(
        self, weights_AN: torch.Tensor, fixed: Tensors, buffers: Tensors, numbers: dict[str, Any], batch: Any
    ) -> tuple[torch.Tensor, torch.Tensor, Tensors]:
        inputs, targets, smoothing_A, masks = batch

        def total(rows_AN: torch.Tensor) -> Any:
            moved = {name: buffer.clone() for name, buffer in buffers.items()}
            left = {layer: list(each) for layer, each in masks.items()}

            def draw(layer: int, _shape: Any, _rates: Any, _like: Any) -> torch.Tensor:
                return left[layer].pop(0)

            outputs = self._program(self._layout.views(rows_AN) | fixed | moved, numbers, inputs, draw)
            outputs = outputs if outputs.ndim == 3 else outputs[..., None]
            loss_A = self._loss(outputs, targets, smoothing_A)
            return loss_A.sum(), (loss_A, moved)

        grads_AN, (_, (loss_A, moved)) = grad_and_value(total, has_aux=True)(weights_AN)
        return loss_A, grads_AN, moved
