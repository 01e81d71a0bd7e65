"""Adam and its forms: the direction of one array."""

from __future__ import annotations

from typing import Any

from luthier.algorithms.rule import Array, Now, Numbers, State


def _moments(grad: Array, state: State, numbers: Numbers) -> State:
    beta1, beta2 = numbers["beta1"], numbers["beta2"]
    return {
        "m": beta1 * state["m"] + (1.0 - beta1) * grad,
        "v": beta2 * state["v"] + (1.0 - beta2) * grad * grad,
    }


def adamw(xp: Any, grad: Array, state: State, now: Now) -> tuple[Array, State]:
    """d = m^ / (sqrt(v^) + eps), both averages corrected for starting at 0 (Kingma & Ba 2015, 1412.6980).

    Without decay it is Adam. Keras puts eps before the correction of v ("eps-hat"): the same with eps divided by
    sqrt(1 - beta2^t), which is what the plan does for a recipe with `eps_hat`.
    """
    numbers, t = now.numbers, now.step + 1
    state = _moments(grad, state, numbers)
    m_hat = state["m"] / (1.0 - numbers["beta1"] ** t)
    v_hat = state["v"] / (1.0 - numbers["beta2"] ** t)
    return m_hat / (xp.sqrt(v_hat) + numbers["eps"]), state


def nadamw(xp: Any, grad: Array, state: State, now: Now) -> tuple[Array, State]:
    """AdamW that looks ahead: m^ becomes beta1 m / (1 - beta1^(t+1)) + (1 - beta1) g / (1 - beta1^t).

    Dozat 2016 without a schedule for beta1, as `optax.nadamw` has it. The NAdam of torch and that of Keras vary
    beta1 over the steps, each in its own way: other sequences.
    """
    numbers, t = now.numbers, now.step + 1
    beta1 = numbers["beta1"]
    state = _moments(grad, state, numbers)
    m_hat = beta1 * state["m"] / (1.0 - beta1 ** (t + 1)) + (1.0 - beta1) * grad / (1.0 - beta1**t)
    v_hat = state["v"] / (1.0 - numbers["beta2"] ** t)
    return m_hat / (xp.sqrt(v_hat) + numbers["eps"]), state
