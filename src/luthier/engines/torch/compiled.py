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
from luthier.engines.torch.flat import Rows, Tensors
from luthier.engines.torch.grouped.gradients import Losses, fixed_of
from luthier.engines.torch.losses import or_zeros
from luthier.engines.torch.randomness import Draws


class CompiledGradients:
    """See `luthier.engines.torch.fused.Gradients`.

    Args:
        losses: of the grouped mode.
        calls: (layer, shape of the mask, name of its rate) of every dropout call of a step, in their order.
        free: see `Blueprint.free`.
    """

    def __init__(
        self,
        losses: Losses,
        *,
        calls: Sequence[tuple[int, Sequence[int], str]],
        free: Sequence[str],
        device: torch.device,
    ) -> None:
        self._losses = losses
        self._calls, self._split = calls, constants.Split(free)
        self._options = {"triton.cudagraphs": device.type == "cuda"}
        self._compiled: Any = None

    def __call__(
        self, rows: Rows, inputs: torch.Tensor, targets: torch.Tensor, smoothing_A: torch.Tensor | None, draws: Draws
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """(loss [A], gradient [A, N])."""
        uniform, own = self._split(rows.constants, rows.weights)
        masks = [
            draws.mask(layer, shape, [c[rate] for c in rows.constants], like=rows.weights)
            for layer, shape, rate in self._calls
        ]
        named = (fixed_of(rows), rows.buffers, constants.without_rates(own))
        tensors = itertools.chain.from_iterable(part.values() for part in named)
        leaves = [rows.weights, *tensors, inputs, targets, or_zeros(smoothing_A, rows.weights), *masks]
        if self._compiled is None:
            self._compiled = self._built(leaves, named, uniform)
        loss_A, grads_AN, *buffers = self._compiled(*leaves)
        for buffer, moved in zip(rows.buffers.values(), buffers, strict=True):
            buffer.copy_(moved)
        return loss_A, grads_AN

    def _built(self, leaves: list[torch.Tensor], named: Sequence[Tensors], uniform: dict[str, float]) -> Any:
        """The compiled program, a function of the leaves: traced to torch's elementary operations first, as
        torch.compile does not follow the rules' own code.

        Numbers that all slots of this structure share are part of it. Dropout is always on: the masks hold its rates.
        """
        numbers: dict[str, Any] = {n: value for n, value in uniform.items() if not constants.is_rate(n)}
        numbers |= {rate: 0.5 for _, _, rate in self._calls}

        def flat(weights_AN: torch.Tensor, *rest: torch.Tensor) -> Any:
            left = iter(rest)
            fixed, buffers, own = ({name: next(left) for name in part} for part in named)
            batch = (next(left), next(left), next(left))
            masks: dict[int, list[torch.Tensor]] = {}
            for (layer, _, _), mask in zip(self._calls, left, strict=True):
                masks.setdefault(layer, []).append(mask)

            def draw(layer: int, _shape: Any, _rates: Any, _like: Any) -> torch.Tensor:
                return masks[layer].pop(0)

            def total(rows_AN: torch.Tensor) -> Any:
                moved = {name: buffer.clone() for name, buffer in buffers.items()}
                loss_A = self._losses(rows_AN, fixed | moved, numbers | own, batch, draw)
                return loss_A.sum(), (loss_A, moved)

            grads_AN, (_, (loss_A, moved)) = grad_and_value(total, has_aux=True)(weights_AN)
            return loss_A, grads_AN, *moved.values()

        with warnings.catch_warnings():  # torch 2.13 warns of its own deprecated parts while it compiles
            warnings.simplefilter("ignore", DeprecationWarning)
            return torch._inductor.compile(make_fx(flat)(*leaves), leaves, options=self._options)
