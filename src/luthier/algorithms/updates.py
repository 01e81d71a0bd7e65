"""Update rules, written once for one array at a time: the reference that every engine is tested against.

The array module `xp` (numpy, torch, jax.numpy) is asked for `sqrt` and `zeros_like` only; all else is
+ - * / ** on arrays and numbers. A number may be a Python float or an array without axes (a traced one in
JAX), so nothing branches on it.

Every rule finds a direction d from the gradient and what it keeps; the step is the same for all:

    weight <- weight - lr (weight_decay weight + d)

Decay is decoupled (Loshchilov & Hutter 2019, arXiv 1711.05101).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

Array = Any
"""An array of any framework: the frameworks share no type that a checker knows."""
State = dict[str, Array]
Numbers = Mapping[str, Any]
"""The numbers of one parameter group, by their names in `Recipe`: "lr", "weight_decay", "momentum" ..."""


class Now(NamedTuple):
    """The numbers of a step, and which one it is, counted from 0."""

    numbers: Numbers
    step: Any


class Rule(NamedTuple):
    """An update rule by what it does with one array.

    Args:
        states: names of the arrays that it keeps for each weight.
        direction: (xp, grad, state, now) -> (d, state); changes nothing in place.
        num_grads: gradients that a step takes.
    """

    name: str
    states: tuple[str, ...]
    direction: Callable[[Any, Array, State, Now], tuple[Array, State]]
    num_grads: int = 1

    def init(self, xp: Any, param: Array) -> State:
        """State before the first step: zeros, {name: array like param}."""
        return {name: xp.zeros_like(param) for name in self.states}

    def update(  # noqa: PLR0917 - the contract of all update rules
        self, xp: Any, grad: Array, state: State, param: Array, numbers: Numbers, step: Any
    ) -> tuple[Array, State]:
        """(param, state) after the step; new arrays."""
        direction, state = self.direction(xp, grad, state, Now(numbers, step))
        return param - numbers["lr"] * (numbers["weight_decay"] * param + direction), state

    def eval_params(self, param: Array, state: State) -> Array:
        """The weights to evaluate with: those that are trained, in all rules so far."""
        return param


def sgd(xp: Any, grad: Array, state: State, now: Now) -> tuple[Array, State]:  # noqa: ARG001 - one signature
    """Momentum v = mu v + g; d = v, with Nesterov g + mu v. `torch.optim.SGD` without dampening."""
    momentum, nesterov = now.numbers["momentum"], now.numbers["nesterov"]
    velocity = momentum * state["momentum"] + grad
    direction = nesterov * (grad + momentum * velocity) + (1.0 - nesterov) * velocity
    return direction, {"momentum": velocity}


def _moments(grad: Array, state: State, numbers: Numbers) -> State:
    beta1, beta2 = numbers["beta1"], numbers["beta2"]
    return {
        "m": beta1 * state["m"] + (1.0 - beta1) * grad,
        "v": beta2 * state["v"] + (1.0 - beta2) * grad * grad,
    }


def adamw(xp: Any, grad: Array, state: State, now: Now) -> tuple[Array, State]:
    """d = m^ / (sqrt(v^) + eps), both averages corrected for starting at 0 (Kingma & Ba 2015, 1412.6980)."""
    numbers, t = now.numbers, now.step + 1
    state = _moments(grad, state, numbers)
    m_hat = state["m"] / (1.0 - numbers["beta1"] ** t)
    v_hat = state["v"] / (1.0 - numbers["beta2"] ** t)
    return m_hat / (xp.sqrt(v_hat) + numbers["eps"]), state


def nadamw(xp: Any, grad: Array, state: State, now: Now) -> tuple[Array, State]:
    """AdamW that looks ahead: m^ becomes beta1 m / (1 - beta1^(t+1)) + (1 - beta1) g / (1 - beta1^t).

    Dozat 2016 without a schedule for beta1, as `optax.nadamw` has it; torch's NAdam is another sequence.
    """
    numbers, t = now.numbers, now.step + 1
    beta1 = numbers["beta1"]
    state = _moments(grad, state, numbers)
    m_hat = beta1 * state["m"] / (1.0 - beta1 ** (t + 1)) + (1.0 - beta1) * grad / (1.0 - beta1**t)
    v_hat = state["v"] / (1.0 - numbers["beta2"] ** t)
    return m_hat / (xp.sqrt(v_hat) + numbers["eps"]), state


def rmsprop(xp: Any, grad: Array, state: State, now: Now) -> tuple[Array, State]:
    """a = beta2 a + (1 - beta2) g^2, d = mu d + g / (sqrt(a) + eps).

    `torch.optim.RMSprop` with alpha = beta2: eps stands outside the root.
    """
    numbers = now.numbers
    square_avg = numbers["beta2"] * state["square_avg"] + (1.0 - numbers["beta2"]) * grad * grad
    velocity = numbers["momentum"] * state["momentum"] + grad / (xp.sqrt(square_avg) + numbers["eps"])
    return velocity, {"square_avg": square_avg, "momentum": velocity}


RULES: dict[str, Rule] = {
    rule.name: rule
    for rule in (
        Rule("adamw", ("m", "v"), adamw),
        Rule("nadamw", ("m", "v"), nadamw),
        Rule("sgd", ("momentum",), sgd),
        Rule("rmsprop", ("square_avg", "momentum"), rmsprop),
    )
}
"""By the names of `records.OPTIMIZERS`."""
