"""Update rules of one array, and the registry of all: the reference that every engine is tested against.

Every rule here finds a direction d from the gradient and what it keeps; the step is the same for all:

    weight <- weight - lr (weight_decay weight + d)

Decay is decoupled (Loshchilov & Hutter 2019, arXiv 1711.05101).
"""

from __future__ import annotations

from typing import Any

from luthier.algorithms.adam import adamw, nadamw
from luthier.algorithms.muon import muon
from luthier.algorithms.prodigy import prodigy
from luthier.algorithms.rule import Array, Now, Rule, State
from luthier.algorithms.schedule_free import schedule_free_adamw


def gd(xp: Any, grad: Array, state: State, now: Now) -> tuple[Array, State]:
    """Gradient descent: d = g, against the gradient (Cauchy 1847). On all rows at once, or as plain SGD on some."""
    del xp, now
    return grad, state


def sgd(xp: Any, grad: Array, state: State, now: Now) -> tuple[Array, State]:  # noqa: ARG001 - one signature
    """Momentum v = mu v + g; d = v, with Nesterov g + mu v. `torch.optim.SGD` without dampening.

    Polyak 1964; Nesterov's form as in Sutskever et al. 2013. With momentum 0 it is plain SGD (Robbins & Monro 1951).
    """
    momentum, nesterov = now.numbers["momentum"], now.numbers["nesterov"]
    velocity = momentum * state["momentum"] + grad
    direction = nesterov * (grad + momentum * velocity) + (1.0 - nesterov) * velocity
    return direction, {"momentum": velocity}


def rmsprop(xp: Any, grad: Array, state: State, now: Now) -> tuple[Array, State]:
    """a = beta2 a + (1 - beta2) g^2, d = mu d + g / (sqrt(a + eps_root) + eps) (Tieleman & Hinton 2012).

    With `eps` it is `torch.optim.RMSprop` with alpha = beta2; with `eps_root` and a tiny eps that of optax and Keras.
    """
    numbers = now.numbers
    square_avg = numbers["beta2"] * state["square_avg"] + (1.0 - numbers["beta2"]) * grad * grad
    scaled = grad / (xp.sqrt(square_avg + numbers["eps_root"]) + numbers["eps"])
    velocity = numbers["momentum"] * state["momentum"] + scaled
    return velocity, {"square_avg": square_avg, "momentum": velocity}


def adagrad(xp: Any, grad: Array, state: State, now: Now) -> tuple[Array, State]:
    """a = a + g^2, d = g / (sqrt(eps_root + a) + eps) (Duchi et al. 2011).

    An accumulator that starts at A, or an eps inside the root, is a part of `eps_root`: optax and Keras start at 0.1
    with 1e-7 inside, torch at 0 with 1e-10 outside.
    """
    numbers = now.numbers
    total = state["square_sum"] + grad * grad
    return grad / (xp.sqrt(total + numbers["eps_root"]) + numbers["eps"]), {"square_sum": total}


def lion(xp: Any, grad: Array, state: State, now: Now) -> tuple[Array, State]:
    """d = sign(beta1 m + (1 - beta1) g), then m = beta2 m + (1 - beta2) g (Chen et al. 2023, 2302.06675)."""
    beta1, beta2 = now.numbers["beta1"], now.numbers["beta2"]
    direction = xp.sign(beta1 * state["m"] + (1.0 - beta1) * grad)
    return direction, {"m": beta2 * state["m"] + (1.0 - beta2) * grad}


RULES: dict[str, Rule] = {
    rule.name: rule
    for rule in (
        Rule("adamw", ("m", "v"), adamw),
        Rule("nadamw", ("m", "v"), nadamw),
        Rule("sgd", ("momentum",), sgd),
        Rule("rmsprop", ("square_avg", "momentum"), rmsprop),
        Rule("gd", (), gd),
        Rule("adagrad", ("square_sum",), adagrad),
        Rule("lion", ("m",), lion),
        Rule("schedule_free", ("z", "average", "v"), starts=("z", "average"), move=schedule_free_adamw),
        Rule(
            "prodigy", ("m", "v", "s", "start"), scope="slot", starts=("start",), scalars=("d", "r"), move_all=prodigy
        ),
        Rule("muon", ("m", "v"), muon, scope="tensor"),
    )
}
"""By the names of `recipe.OPTIMIZERS`."""
