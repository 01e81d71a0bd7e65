"""Prodigy: Adam with a step length that it estimates from the distance to the start."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from luthier.algorithms.rule import WHOLE, Named, Numbers, States


def prodigy(
    xp: Any, grads: Named, states: States, *, params: Named, numbers: Mapping[str, Numbers], step: Any
) -> tuple[Named, States]:
    """lr is a factor of the estimated distance d, 1 by default (Mishchenko & Defazio 2023, 2306.06101, algorithm 4).

        r = sqrt(beta2) r + lr d^2 <g, w0 - w> / d0,   s = sqrt(beta2) s + lr d^2 g / d0
        m = beta1 m + (1 - beta1) d g,                  v = beta2 v + (1 - beta2) d^2 g^2
        d' = max(d, d_coef r / |s|_1)
        w = w - lr d (m / (sqrt(v) + d' eps) + weight_decay w)

    r and |s|_1 are sums over all weights of the slot; d begins at d0. Both division by d0 cancel in the estimate:
    they keep its numbers away from 0. No bias correction, no bound on the growth of d, as in the authors' code. The
    numbers d0, d_coef and beta2 of the first weight hold for the estimate.
    """
    del step
    first = numbers[next(iter(params))]
    d0, beta3 = first["d0"], first["beta2"] ** 0.5
    kept = states["d"][WHOLE]
    d = xp.where(kept > d0, kept, d0 + 0.0 * kept)
    r = beta3 * states["r"][WHOLE]
    after: States = {name: {} for name in ("m", "v", "s", "start")}
    total = 0.0
    for name, grad in grads.items():
        n = numbers[name]
        pull = n["lr"] * d * d / d0
        start = states["start"][name]
        r = r + pull * xp.sum(grad * (start - params[name]))
        s = beta3 * states["s"][name] + pull * grad
        total = total + xp.sum(xp.abs(s))
        after["m"][name] = n["beta1"] * states["m"][name] + (1.0 - n["beta1"]) * d * grad
        after["v"][name] = n["beta2"] * states["v"][name] + (1.0 - n["beta2"]) * d * d * grad * grad
        after["s"][name], after["start"][name] = s, start
    estimate = first["d_coef"] * r / xp.where(total > 0, total, 1.0 + 0.0 * total)
    d_next = xp.where(estimate > d, estimate, d)
    moved = {}
    for name, param in params.items():
        n = numbers[name]
        direction = after["m"][name] / (xp.sqrt(after["v"][name]) + d_next * n["eps"])
        moved[name] = param - n["lr"] * d * (n["weight_decay"] * param + direction)
    return moved, after | {"d": {WHOLE: d_next}, "r": {WHOLE: r}}
