"""Schedule-Free AdamW: no schedule for the learning rate, an average of the weights in its place."""

from __future__ import annotations

from typing import Any

from luthier.algorithms.rule import Array, Now, State


def schedule_free_adamw(xp: Any, grad: Array, state: State, now: Now, *, param: Array) -> tuple[Array, State]:
    """Gradients are taken at y, between the fast weights z and their average x (Defazio et al. 2024, 2405.15682).

        v = beta2 v + (1 - beta2) g^2
        z = z - lr (g / (sqrt(v^) + eps) + weight_decay y)
        x = x + c (z - x)
        y = z + beta1 (x - z)

    The weights that are trained are y; the model is evaluated with x, the state "average". c is the number
    `averaging`: the square of the largest learning rate so far over the sum of all these squares (the paper's
    equation 23), a function of the recipe and the step.
    """
    n = now.numbers
    v = n["beta2"] * state["v"] + (1.0 - n["beta2"]) * grad * grad
    v_hat = v / (1.0 - n["beta2"] ** (now.step + 1))
    z = state["z"] - n["lr"] * (grad / (xp.sqrt(v_hat) + n["eps"]) + n["weight_decay"] * param)
    x = state["average"] + n["averaging"] * (z - state["average"])
    return z + n["beta1"] * (x - z), {"z": z, "average": x, "v": v}
