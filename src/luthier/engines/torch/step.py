"""What a step does to gradients before the update rule and to weights after it, in place.

Numbers that are off cost nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf

import torch

from luthier.algorithms.gradients import bounded, penalised
from luthier.algorithms.rule import AVERAGE
from luthier.engines.torch.optimizers import Tensors, group_of

Numbers = Sequence[Mapping[str, float]]
"""Of each parameter group, by the names of the plan."""


@torch.no_grad()
def prepare_(params: Tensors, groups: Numbers) -> torch.Tensor:
    """Penalties and clipping, in `.grad`; the norm before clipping."""
    if any(numbers["l1"] or numbers["l2"] for numbers in groups):
        for param in params.values():
            numbers = groups[group_of(param)]
            param.grad = penalised(torch, param.grad, param, l1=numbers["l1"], l2=numbers["l2"])
    grads = [param.grad for param in params.values() if param.grad is not None]
    norm = of_what_is_left = l2_norm(grads)
    limit, clip_norm = groups[0]["clip_value"], groups[0]["clip_norm"]
    if limit != inf:
        torch._foreach_clamp_min_(grads, -limit)
        torch._foreach_clamp_max_(grads, limit)
        of_what_is_left = l2_norm(grads)
    if clip_norm != inf:
        torch._foreach_mul_(grads, (clip_norm / of_what_is_left).clamp(max=1.0))
    return norm


@torch.no_grad()
def finish_(params: Tensors, kept: Mapping[str, Tensors], groups: Numbers, *, own: bool, outputs: int = 0) -> None:
    """Max-norm, then the average.

    Args:
        own: the update rule has moved the average by itself. outputs: the axis of a weight that counts its outputs.
    """
    for param in params.values():
        limit = groups[group_of(param)]["max_norm"]
        if limit != inf:
            param.copy_(bounded(torch, param, limit, outputs=outputs))
    if not own:
        for name, mean in kept.get(AVERAGE, {}).items():
            mean.lerp_(params[name], groups[group_of(params[name])]["averaging"])


def l2_norm(tensors: list[torch.Tensor]) -> torch.Tensor:
    """Over all tensors together; half the time of torch.nn.utils.get_total_norm."""
    return torch.linalg.vector_norm(torch.stack(torch._foreach_norm(tensors)))


def dtype_of(params: Tensors) -> torch.dtype:
    """Type of the weights."""
    return next(iter(params.values())).dtype
