"""One optimizer step of P trials at once, each with its own numbers.

On the CPU the rows of AdamW and SGD go one by one through the kernels of torch's fused optimizers, the very ones of
the loop: the same bits. Everything else, and every rule on other devices, is the rulebook itself; where it works on
all rows at once its numbers are columns of the weights' type, which moves the bias correction of the first steps by
6e-5 at beta2 = 0.999.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from luthier.algorithms.updates import RULES as RULEBOOK
from luthier.engines.spec import RULES, Array
from luthier.engines.torch.flat import Layout, Rows

Numbers = dict[str, Array]
"""{name: float32 [A, G]} of one step."""


def update_(
    rows: Rows,
    grads_AN: torch.Tensor,
    layout: Layout,
    numbers: Numbers,
    kinds: Sequence[int],
    *,
    places: Sequence[int],
) -> None:
    """One step of the rows at `places`, in place, each by its rule in `kinds`; `rows.steps` still says how many were
    taken before it."""
    on_cpu = rows.weights.device.type == "cpu"
    for kind in sorted(set(kinds)):
        here = [a for a, k in zip(places, kinds, strict=True) if k == kind]
        rule = RULES[kind]
        if on_cpu and rule in _BY_ROW:
            _BY_ROW[rule](rows, grads_AN, layout, numbers, here)
        else:
            _by_rulebook(rows, grads_AN, layout, numbers, here, rule)


def _adamw_by_row(
    rows: Rows, grads_AN: torch.Tensor, layout: Layout, numbers: Numbers, places: Sequence[int]
) -> None:
    names = ("lr", "beta1", "beta2", "weight_decay", "eps")
    table = {n: numbers[n].tolist() for n in names}
    tensors = [t.detach() for t in (rows.weights, grads_AN, rows.kept["m"], rows.kept["v"])]
    for g, group in enumerate(layout.groups):
        if group.start == group.stop:
            continue
        parts = [t[:, group].unbind() for t in tensors]
        for a in places:
            w, d, m, v = ([part[a]] for part in parts)
            step = torch.tensor(float(rows.steps[a] + 1))
            torch._fused_adamw_(
                w, d, m, v, [], [step], amsgrad=False, maximize=False, **{n: table[n][a][g] for n in names}
            )


def _sgd_by_row(rows: Rows, grads_AN: torch.Tensor, layout: Layout, numbers: Numbers, places: Sequence[int]) -> None:
    table = {n: numbers[n].tolist() for n in ("lr", "weight_decay", "momentum", "nesterov")}
    tensors = [t.detach() for t in (rows.weights, grads_AN, rows.kept["momentum"])]
    for g, group in enumerate(layout.groups):
        if group.start == group.stop:
            continue
        parts = [t[:, group].unbind() for t in tensors]
        for a in places:
            w, d, velocity = ([part[a]] for part in parts)
            lr, decay, momentum, nesterov = (table[n][a][g] for n in table)
            shrink = 1.0 - lr * decay
            if shrink != 1.0:
                w[0].mul_(shrink)
            torch._fused_sgd_(
                w, d, velocity if momentum else [], weight_decay=0.0, momentum=momentum, lr=lr, dampening=0.0,
                nesterov=bool(nesterov) and momentum > 0, maximize=False, is_first_step=False,
            )  # fmt: skip


_BY_ROW = {"adamw": _adamw_by_row, "sgd": _sgd_by_row}


def _by_rulebook(  # noqa: PLR0917 - the parts of one step
    rows: Rows, grads_AN: torch.Tensor, layout: Layout, numbers: Numbers, places: Sequence[int], rule: str
) -> None:
    """On the CPU row by row, with numbers of full precision; elsewhere all rows at once, with columns of numbers."""
    on_cpu = rows.weights.device.type == "cpu"
    for at in [[a] for a in places] if on_cpu else [list(places)]:
        every = len(at) == rows.num_slots
        index: Any = slice(None) if every else at[0] if on_cpu else torch.tensor(at, device=grads_AN.device)
        for g, group in enumerate(layout.groups):
            if group.start == group.stop:
                continue
            kept = {n: rows.kept[n][index, group] for n in RULEBOOK[rule].states}
            given: dict[str, Any]
            if on_cpu:
                given, step = {n: float(v[at[0], g]) for n, v in numbers.items()}, rows.steps[at[0]]
            else:
                given = {n: _column(v[at, g], rows.weights) for n, v in numbers.items()}
                step = _column(np.array([rows.steps[a] for a in at]), rows.weights)
            weights, grads = rows.weights[index, group], grads_AN[index, group]
            new, kept = RULEBOOK[rule].update(torch, grads, kept, weights, given, step)
            rows.weights[index, group] = new
            for name, value in kept.items():
                rows.kept[name][index, group] = value


def _column(values_A: Array, like: torch.Tensor) -> Any:
    return torch.tensor(values_A, dtype=like.dtype, device=like.device)[:, None]
