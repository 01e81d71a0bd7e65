"""What a step does to gradients before the update rule and to weights after it, in place.

Numbers that are off cost nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf

import torch

from luthier.algorithms.gradients import bounded, penalised
from luthier.algorithms.rule import AVERAGE
from luthier.engines.torch.optimizers import Tensors

Numbers = Sequence[Mapping[str, float]]
"""Of each parameter group, by the names of the plan."""
Index = Mapping[str, int]
"""The parameter group of each weight."""


@torch.no_grad()
def prepare_(params: Tensors, groups: Numbers, index: Index) -> torch.Tensor:
    """Penalties and clipping, in `.grad`; the norm before clipping."""
    if any(numbers["l1"] or numbers["l2"] for numbers in groups):
        for name, param in params.items():
            numbers = groups[index[name]]
            param.grad = penalised(torch, param.grad, param, l1=numbers["l1"], l2=numbers["l2"])
    grads = {name: param.grad for name, param in params.items() if param.grad is not None}
    norm = l2_norm(list(grads.values()))
    bounded_ = _bound_(grads, groups, index)
    clip_norm = groups[0]["clip_norm"]
    if clip_norm != inf:
        of_what_is_left = l2_norm(list(grads.values())) if bounded_ else norm
        torch._foreach_mul_(list(grads.values()), (clip_norm / of_what_is_left).clamp(max=1.0))
    return norm


def _bound_(grads: Tensors, groups: Numbers, index: Index) -> bool:
    """Clipping within the groups: by value, then the norm of each that a module names. Was anything to be done?"""
    busy = [
        g for g, numbers in enumerate(groups) if numbers["clip_value"] != inf or numbers["group_clip_norm"] != inf
    ]
    for g in busy:
        limit, own = groups[g]["clip_value"], [grad for name, grad in grads.items() if index[name] == g]
        if limit != inf and own:
            torch._foreach_clamp_min_(own, -limit)
            torch._foreach_clamp_max_(own, limit)
    for part in sorted({g // 2 for g in busy}):
        limit, own = groups[2 * part]["group_clip_norm"], [g for name, g in grads.items() if index[name] // 2 == part]
        if limit != inf:
            torch._foreach_mul_(own, (limit / l2_norm(own)).clamp(max=1.0))
    return bool(busy)


@torch.no_grad()
def finish_(
    params: Tensors, kept: Mapping[str, Tensors], groups: Numbers, index: Index, *, own: bool, outputs: int = 0
) -> None:
    """Max-norm, then the average.

    Args:
        own: the update rule has moved the average by itself. outputs: the axis of a weight that counts its outputs.
    """
    for name, param in params.items():
        limit = groups[index[name]]["max_norm"]
        if limit != inf:
            param.copy_(bounded(torch, param, limit, outputs=outputs))
    if not own:
        for name, mean in kept.get(AVERAGE, {}).items():
            mean.lerp_(params[name], groups[index[name]]["averaging"])


def l2_norm(tensors: list[torch.Tensor]) -> torch.Tensor:
    """Over all tensors together; half the time of torch.nn.utils.get_total_norm."""
    return torch.linalg.vector_norm(torch.stack(torch._foreach_norm(tensors)))


def dtype_of(params: Tensors) -> torch.dtype:
    """Type of the weights."""
    return next(iter(params.values())).dtype
