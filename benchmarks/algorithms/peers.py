"""Update rules beside the optimizers of the frameworks: the same gradients, float64, 100 steps."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from luthier.algorithms.rule import init_all, step_all
from luthier.algorithms.updates import RULES

Array = npt.NDArray[np.float64]
NUM_STEPS = 100
RATES = [0.02 * (0.2 + 0.8 * np.cos(s / 30) ** 2) for s in range(NUM_STEPS)]
LEVEL = [0.02] * NUM_STEPS
TINY, LARGE = 1e-5, 3.0
"""Scales of the gradients: of the order of eps, where its place matters, and above."""
NUMBERS = {
    "weight_decay": 0.1, "momentum": 0.9, "nesterov": 0.0, "beta1": 0.85, "beta2": 0.97, "eps": 1e-6, "eps_root": 0.0,
    "d0": 1e-3, "d_coef": 1.0, "averaging": 0.0,
}  # fmt: skip
Change = float | Callable[[int], float]


class Peer(NamedTuple):
    """An optimizer of a framework, and the numbers with which a rule is the same.

    Args:
        theirs: () -> weights after NUM_STEPS. changes: numbers that differ from NUMBERS, of a step where it is a
            function. rates: learning rate of each step. tolerance: largest relative difference, where it is not 1e-6.
    """

    rule: str
    theirs: Callable[[], Array]
    changes: dict[str, Change] = {}
    rates: list[float] = RATES
    tolerance: float = 1e-6
    why: str = ""
    needs: str = ""  # a package beside the frameworks


def start() -> Array:
    """[2, 5]."""
    return np.random.default_rng(1).normal(size=(2, 5))


def gradients() -> Iterator[Array]:
    """[2, 5] float64 for each step; one row tiny, one large."""
    draw = np.random.default_rng(3)
    for _ in range(NUM_STEPS):
        yield draw.normal(0.3, 1.0, (2, 5)) * np.array([[TINY], [LARGE]])


def by_rule(
    name: str,
    xp: Any = np,
    convert: Callable[[Any], Any] = np.asarray,
    *,
    rates: list[float] = RATES,
    outputs: int = 0,
    **changes: Change,
) -> Array:
    """Weights to evaluate with after NUM_STEPS of the rulebook."""
    rule, params = RULES[name], {"w": convert(start())}
    states = init_all(rule, xp, params)
    for step, grad in enumerate(gradients()):
        told = {n: v(step) if callable(v) else v for n, v in (NUMBERS | changes).items()} | {"lr": rates[step]}
        params, states = step_all(
            rule, xp, {"w": convert(grad)}, states, params=params, numbers={"w": told}, step=step, outputs=outputs
        )
    return np.asarray(rule.eval_params(params["w"], {n: kept["w"] for n, kept in states.items() if "w" in kept}))


def by_torch(make: Callable[[Any], Any], decay: float = 0.0) -> Array:
    """... of a torch optimizer; `decay` is applied by hand before each step."""
    import torch

    param = torch.nn.Parameter(torch.from_numpy(start()))
    optimizer = make([param])
    for rate, grad in zip(RATES, gradients(), strict=True):
        optimizer.param_groups[0]["lr"] = rate
        param.data.mul_(1.0 - rate * decay)
        param.grad = torch.from_numpy(grad)
        optimizer.step()
    return np.asarray(param.detach().numpy())


def by_optax(
    make: Callable[[Any], Any], rates: list[float] = RATES, evaluated: Callable[[Any, Any], Any] | None = None
) -> Array:
    """... of an optax transformation of a schedule."""
    import jax
    import jax.numpy as jnp
    import optax

    with jax.enable_x64(True):
        table = jnp.asarray(rates)
        transformation = make(lambda count: table[count])
        param = jnp.asarray(start())
        state = transformation.init(param)
        for grad in gradients():
            change, state = transformation.update(jnp.asarray(grad), state, param)
            param = optax.apply_updates(param, change)
        return np.asarray(param if evaluated is None else evaluated(state, param))


def by_keras(text: str) -> Array:
    """... of a Keras optimizer at a level rate, in a process of its own: the backend is chosen once."""
    given = {"text": text, "start": start().tolist(), "gradients": [g.tolist() for g in gradients()]}
    told = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("keras_weights.py"))],
        input=json.dumps(given), capture_output=True, text=True, check=True,
        env=os.environ | {"KERAS_BACKEND": "jax", "JAX_ENABLE_X64": "1"},
    )  # fmt: skip
    return np.array(json.loads(told.stdout.strip().splitlines()[-1]))


def _torch(name: str, decay: float = 0.0, **settings: Any) -> Callable[[], Array]:
    def weights() -> Array:
        import torch

        return by_torch(lambda p: getattr(torch.optim, name)(p, **settings), decay)

    return weights


def _optax(name: str, *, contrib: bool = False, decay: bool = False, **settings: Any) -> Callable[[], Array]:
    def weights() -> Array:
        import optax

        make = getattr(optax.contrib if contrib else optax, name)
        own = {"weight_decay": 0.1} if decay else {}
        return by_optax(lambda lr: make(lr, **settings, **own))

    return weights


def _schedule_free() -> Array:
    import optax

    def make(_lr: Any) -> Any:
        return optax.contrib.schedule_free_adamw(0.02, b1=0.85, b2=0.97, eps=1e-6, weight_decay=0.1)

    return by_optax(make, LEVEL, optax.contrib.schedule_free_eval_params)


def _keras(text: str) -> Callable[[], Array]:
    return lambda: by_keras(text)


def _hat(step: int) -> float:
    """Keras' eps before the bias correction of v, for beta2 = 0.97 and eps = 1e-6."""
    return 1e-6 / float(np.sqrt(1.0 - 0.97 ** (step + 1)))


def _optax_rmsprop(inside: bool) -> Array:
    import optax

    return by_optax(lambda lr: optax.rmsprop(lr, decay=0.97, eps=1e-6, eps_in_sqrt=inside))


def _optax_muon() -> Array:
    import optax

    return by_optax(lambda lr: optax.contrib.muon(lr, beta=0.9, eps=1e-7, weight_decay=0.1, consistent_rms=0.2))


def _prodigyopt() -> Array:
    from prodigyopt import Prodigy

    return by_torch(lambda p: Prodigy(p, lr=1.0, betas=(0.85, 0.97), eps=1e-6, weight_decay=0.1, d0=1e-3))


def _schedulefree() -> Array:
    import torch
    from schedulefree import AdamWScheduleFree

    param = torch.nn.Parameter(torch.from_numpy(start()))
    optimizer = AdamWScheduleFree([param], lr=0.02, betas=(0.85, 0.97), eps=1e-6, weight_decay=0.1)
    optimizer.train()
    for grad in gradients():
        param.grad = torch.from_numpy(grad)
        optimizer.step()
    optimizer.eval()
    return np.asarray(param.detach().numpy())


CORRECTIONS = [(1 - 0.97**t) ** 0.5 / (1 - 0.85**t) for t in range(1, NUM_STEPS + 1)]
BETAS = {"b1": 0.85, "b2": 0.97, "eps": 1e-6}
PLAIN: dict[str, Change] = {"weight_decay": 0.0}
PEERS: dict[str, Peer] = {
    "torch SGD": Peer("gd", _torch("SGD", 0.1)),
    "torch SGD, momentum": Peer("sgd", _torch("SGD", 0.1, momentum=0.9)),
    "torch SGD, Nesterov": Peer("sgd", _torch("SGD", 0.1, momentum=0.9, nesterov=True), {"nesterov": 1.0}),
    "torch AdamW": Peer("adamw", _torch("AdamW", betas=(0.85, 0.97), eps=1e-6, weight_decay=0.1)),
    "torch RMSprop": Peer("rmsprop", _torch("RMSprop", 0.1, alpha=0.97, eps=1e-6, momentum=0.9)),
    "torch RMSprop, no momentum": Peer("rmsprop", _torch("RMSprop", 0.1, alpha=0.97, eps=1e-6), {"momentum": 0.0}),
    "torch Adagrad": Peer("adagrad", _torch("Adagrad", 0.1, eps=1e-6)),
    "torch Muon": Peer(
        "muon", _torch("Muon", weight_decay=0.1, momentum=0.9, adjust_lr_fn="match_rms_adamw"), tolerance=2e-2,
        why="torch iterates in bfloat16, whatever the weights",
    ),
    "optax sgd": Peer("gd", _optax("sgd"), PLAIN),
    "optax sgd, momentum": Peer("sgd", _optax("sgd", momentum=0.9), PLAIN),
    "optax sgd, Nesterov": Peer("sgd", _optax("sgd", momentum=0.9, nesterov=True), PLAIN | {"nesterov": 1.0}),
    "optax adamw": Peer("adamw", _optax("adamw", decay=True, **BETAS)),
    "optax nadamw": Peer("nadamw", _optax("nadamw", decay=True, **BETAS)),
    "optax rmsprop": Peer(
        "rmsprop", lambda: _optax_rmsprop(True), PLAIN | {"momentum": 0.0, "eps": 0.0, "eps_root": 1e-6},
    ),
    "optax rmsprop, eps outside": Peer("rmsprop", lambda: _optax_rmsprop(False), PLAIN | {"momentum": 0.0}),
    "optax adagrad": Peer("adagrad", _optax("adagrad"), PLAIN | {"eps": 0.0, "eps_root": 0.1 + 1e-7}),
    "optax lion": Peer("lion", _optax("lion", decay=True, b1=0.85, b2=0.97)),
    "optax schedule_free_adamw": Peer(
        "schedule_free", _schedule_free, {"averaging": lambda step: 1.0 / (step + 1)}, LEVEL
    ),
    "optax prodigy": Peer(  # corrects Adam's bias, by the learning rate
        "prodigy", _optax("prodigy", contrib=True, decay=True, betas=(0.85, 0.97), eps=1e-6, estim_lr0=1e-3),
        rates=[r * c for r, c in zip(RATES, CORRECTIONS, strict=True)],
    ),
    "prodigyopt": Peer("prodigy", _prodigyopt, needs="prodigyopt"),
    "schedulefree": Peer(
        "schedule_free", _schedulefree, {"averaging": lambda step: 1.0 / (step + 1)}, LEVEL,
        needs="schedulefree",
    ),
    "optax muon": Peer(
        "muon", _optax_muon, tolerance=2e-2,
        why="optax corrects the mean for its start at 0 before it looks ahead",
    ),
    "keras SGD, momentum": Peer("sgd", _keras("SGD(0.02, momentum=0.9)"), PLAIN, LEVEL),
    "keras SGD, Nesterov": Peer(
        "sgd", _keras("SGD(0.02, momentum=0.9, nesterov=True)"), PLAIN | {"nesterov": 1.0}, LEVEL
    ),
    "keras AdamW": Peer(
        "adamw", _keras("AdamW(0.02, weight_decay=0.1, beta_1=0.85, beta_2=0.97, epsilon=1e-6)"), {"eps": _hat}, LEVEL
    ),
    "keras RMSprop": Peer(
        "rmsprop", _keras("RMSprop(0.02, rho=0.97, momentum=0.9, epsilon=1e-6)"),
        PLAIN | {"eps": 0.0, "eps_root": 1e-6}, LEVEL,
    ),
    "keras Adagrad": Peer("adagrad", _keras("Adagrad(0.02)"), PLAIN | {"eps": 0.0, "eps_root": 0.1 + 1e-7}, LEVEL),
    "keras Lion": Peer("lion", _keras("Lion(0.02, beta_1=0.85, beta_2=0.97, weight_decay=0.1)"), {}, LEVEL),
}  # fmt: skip
"""Every rule has one at least."""


def difference(peer: Peer) -> float:
    """Largest difference of a weight, relative to the largest weight."""
    theirs = peer.theirs()
    ours = by_rule(peer.rule, rates=peer.rates, **peer.changes)
    return float(np.abs(ours - theirs).max() / np.abs(theirs).max())
