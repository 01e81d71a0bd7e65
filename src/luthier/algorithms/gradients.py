"""What is done to gradients before the update rule sees them, and to weights after it. See `rule` for `xp`.

The order of a step: gradient (mean over the batch) -> penalties -> clip by value -> clip by norm -> rule, with
decoupled decay -> max-norm -> average.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from luthier.algorithms.rule import Array, Named, Numbers


def penalised(xp: Any, grad: Array, param: Array, *, l1: Any, l2: Any) -> Array:
    """The gradient of loss + l2/2 |w|^2 + l1 |w|_1: g + l2 w + l1 sign(w).

    With an adaptive rule, l2 in the gradient is not decay: it is divided by the root of v (1711.05101).
    """
    return grad + l2 * param + l1 * xp.sign(param)


def clipped_by_value(xp: Any, grad: Array, limit: Any) -> Array:
    """Every element into [-limit, limit]. limit may be inf."""
    bound = limit + 0.0 * xp.abs(xp.sign(grad))
    return xp.where(grad > bound, bound, xp.where(grad < -bound, -bound, grad))


def norm_of(xp: Any, tensors: Named) -> Any:
    """L2 norm over all arrays together."""
    return xp.sqrt(sum(xp.sum(t * t) for t in tensors.values()))


def clipped_by_norm(xp: Any, grads: Named, limit: Any) -> Named:
    """All gradients, scaled down to the common norm `limit` where theirs is larger (Pascanu et al. 2013, 1211.5063).

    No small number is added to the norm: torch's clip_grad_norm_ adds 1e-6.
    """
    norm = norm_of(xp, grads)
    factor = xp.where(norm > limit, limit / norm, 1.0 + 0.0 * norm)
    return {name: factor * grad for name, grad in grads.items()}


def climbed(xp: Any, params: Named, grads: Named, rho: Any) -> Named:
    """Where SAM takes its second gradient: w + rho g / |g| (Foret et al. 2021, 2010.01412)."""
    scale = rho / (norm_of(xp, grads) + 1e-12)
    return {name: param + scale * grads[name] for name, param in params.items()}


def bounded(xp: Any, param: Array, limit: Any, *, outputs: int = 0) -> Array:
    """Max-norm: the weights into each unit have at most the norm `limit` (Srivastava et al. 2014, JMLR 15).

    A weight of fewer than two axes stays as it is.

    Args:
        outputs: the axis that counts the units: 0 in torch, -1 in JAX and Keras.
    """
    shape = tuple(int(size) for size in param.shape)
    if len(shape) < 2:
        return param
    units = shape[outputs]
    rows = xp.reshape(param, (units, -1) if outputs == 0 else (-1, units))
    axis = 1 if outputs == 0 else 0
    norm = xp.sqrt(xp.sum(rows * rows, axis=axis, keepdims=True))
    factor = xp.where(norm > limit, limit / norm, 1.0 + 0.0 * norm)
    return xp.reshape(rows * factor, shape)


def prepared(xp: Any, grads: Named, params: Named, numbers: Mapping[str, Numbers]) -> tuple[Named, Any]:
    """(gradients as the rule gets them, their norm before clipping): the first half of a step, as its definition.

    Engines may take a quicker way where a number is off.

    Args:
        numbers: of each weight; "clip_norm" of the first holds for all.
    """
    grads = {
        name: penalised(xp, grad, params[name], l1=numbers[name]["l1"], l2=numbers[name]["l2"])
        for name, grad in grads.items()
    }
    norm = norm_of(xp, grads)
    grads = {name: clipped_by_value(xp, grad, numbers[name]["clip_value"]) for name, grad in grads.items()}
    limit = numbers[next(iter(grads))]["clip_norm"]
    return clipped_by_norm(xp, grads, limit), norm
