"""One optimizer step of P trials at once, each with its own numbers.

On the CPU the rows of AdamW and SGD go one by one through the kernels of torch's fused optimizers, the very ones of
the loop: the same bits. Everything else, and every rule on other devices, is the rulebook itself; where it works on
all rows at once its numbers are columns of the weights' type, which moves the bias correction of the first steps by
6e-5 at beta2 = 0.999.

Axes: A slots, N weights of each, G parameter groups, S steps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from luthier.algorithms.updates import RULES as RULEBOOK
from luthier.engines.spec import RULES, Array
from luthier.engines.torch.flat import Layout, Rows
from luthier.engines.torch.optimizers import fused_adamw_


class Updater:
    """The optimizer steps of some rows, made for a few steps in which the same slots train.

    Args:
        hparams: {name: [S, A, G]}.
        kinds: index into RULES of the rows at `places`; the other rows stay as they are.
    """

    def __init__(
        self, rows: Rows, layout: Layout, hparams: dict[str, Array], *, kinds: Sequence[int], places: Sequence[int]
    ) -> None:
        groups = [(g, group) for g, group in enumerate(layout.groups) if group.stop > group.start]
        self._each: list[Callable[[int, torch.Tensor], None]] = []
        for kind in sorted(set(kinds)):
            here = [a for a, k in zip(places, kinds, strict=True) if k == kind]
            make = _BY_ROW.get(RULES[kind]) if rows.weights.device.type == "cpu" else None
            update = (
                make(rows, groups, hparams, here) if make else _rulebook(rows, groups, hparams, here, RULES[kind])
            )
            self._each.append(update)

    def step_(self, s: int, grads_AN: torch.Tensor) -> None:
        """Step s of the plan, in place; `rows.steps` still says how many were taken before it."""
        for update in self._each:
            update(s, grads_AN)


Groups = list[tuple[int, slice]]
Update = Callable[[int, torch.Tensor], None]


def _parts(rows: Rows, groups: Groups, places: Sequence[int], *names: str) -> list[list[list[torch.Tensor]]]:
    """[group][place] -> the parts of the row: weights, then the kept states of these names."""
    tensors = [rows.weights, *(rows.kept[name] for name in names)]
    split = [[t[:, group].unbind() for t in tensors] for _, group in groups]
    return [[[rows_of[a] for rows_of in of_group] for a in places] for of_group in split]


def _adamw(rows: Rows, groups: Groups, hparams: dict[str, Array], places: Sequence[int]) -> Update:
    names = ("lr", "beta1", "beta2", "weight_decay", "eps")
    table = {name: hparams[name].tolist() for name in names}
    parts = _parts(rows, groups, places, "m", "v")
    counters = [[torch.tensor(float(rows.steps[a])) for a in places] for _ in groups]

    def update(s: int, grads_AN: torch.Tensor) -> None:
        for i, (g, group) in enumerate(groups):
            grads = grads_AN[:, group].unbind()
            for a, (w, m, v), counter in zip(places, parts[i], counters[i], strict=True):
                counter.fill_(rows.steps[a] + 1)
                fused_adamw_(
                    [[w], [grads[a]], [m], [v]],
                    counter,
                    lr=table["lr"][s][a][g],
                    beta1=table["beta1"][s][a][g],
                    beta2=table["beta2"][s][a][g],
                    weight_decay=table["weight_decay"][s][a][g],
                    eps=table["eps"][s][a][g],
                )

    return update


def _sgd(rows: Rows, groups: Groups, hparams: dict[str, Array], places: Sequence[int]) -> Update:
    table = {n: hparams[n].tolist() for n in ("lr", "weight_decay", "momentum", "nesterov")}
    parts = _parts(rows, groups, places, "momentum")

    def update(s: int, grads_AN: torch.Tensor) -> None:
        for i, (g, group) in enumerate(groups):
            grads = grads_AN[:, group].unbind()
            for a, (w, velocity) in zip(places, parts[i], strict=True):
                lr, decay, momentum, nesterov = (column[s][a][g] for column in table.values())
                if lr * decay != 0.0:
                    w.mul_(1.0 - lr * decay)
                torch._fused_sgd_(
                    [w],
                    [grads[a]],
                    [velocity] if momentum else [],
                    weight_decay=0.0,
                    momentum=momentum,
                    lr=lr,
                    dampening=0.0,
                    nesterov=bool(nesterov) and momentum > 0,
                    maximize=False,
                    is_first_step=False,
                )

    return update


_BY_ROW = {"adamw": _adamw, "sgd": _sgd}


def _rulebook(rows: Rows, groups: Groups, hparams: dict[str, Array], places: Sequence[int], rule: str) -> Update:
    """On the CPU row by row, with numbers of full precision; elsewhere all rows at once, with columns of numbers."""
    on_cpu = rows.weights.device.type == "cpu"
    each: list[Any] = list(places)
    if not on_cpu:
        every = len(places) == rows.num_slots
        each = [slice(None) if every else torch.tensor(places, device=rows.weights.device)]

    def numbers_of(s: int, g: int, at: Any) -> tuple[dict[str, Any], Any]:
        if on_cpu:
            return {n: float(v[s, at, g]) for n, v in hparams.items()}, rows.steps[at]
        steps = np.array([rows.steps[a] for a in places])
        return {n: _column(v[s, places, g], rows.weights) for n, v in hparams.items()}, _column(steps, rows.weights)

    def update(s: int, grads_AN: torch.Tensor) -> None:
        for at in each:
            for g, group in groups:
                kept = {n: rows.kept[n][at, group] for n in RULEBOOK[rule].states}
                numbers, step = numbers_of(s, g, at)
                grads, weights = grads_AN[at, group], rows.weights[at, group]
                new, kept = RULEBOOK[rule].update(torch, grads, kept, weights, numbers, step)
                rows.weights[at, group] = new
                for name, value in kept.items():
                    rows.kept[name][at, group] = value

    return update


def _column(values_A: Array, like: torch.Tensor) -> Any:
    return torch.tensor(values_A, dtype=like.dtype, device=like.device)[:, None]
