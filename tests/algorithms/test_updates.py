"""Each update rule equals the framework's own optimizer of that name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from luthier.algorithms.updates import RULES
from luthier.records import OPTIMIZERS

NUM_STEPS = 100
NUMBERS = {
    "weight_decay": 0.1, "momentum": 0.9, "nesterov": 0.0, "beta1": 0.85, "beta2": 0.97, "eps": 1e-6,
}  # fmt: skip
RATES = [0.02 * (0.2 + 0.8 * np.cos(s / 30) ** 2) for s in range(NUM_STEPS)]
TINY, LARGE = 1e-5, 3.0
"""Scales of the gradients: of the order of eps, where its place matters, and above."""


def gradients(seed: int = 3) -> Iterator[np.ndarray]:
    """[2, 5] float64 for each step; one row tiny, one large."""
    draw = np.random.default_rng(seed)
    for _ in range(NUM_STEPS):
        yield draw.normal(0.3, 1.0, (2, 5)) * np.array([[TINY], [LARGE]])


def start() -> np.ndarray:
    return np.random.default_rng(1).normal(size=(2, 5))


def by_rule(name: str, xp: Any = np, convert: Callable[[Any], Any] = np.asarray, **changes: float) -> np.ndarray:
    """Weights after NUM_STEPS of the rulebook."""
    rule, param = RULES[name], convert(start())
    state = rule.init(xp, param)
    for step, grad in enumerate(gradients()):
        numbers = NUMBERS | changes | {"lr": RATES[step]}
        param, state = rule.update(xp, convert(grad), state, param, numbers, step)
    return np.asarray(rule.eval_params(param, state))


def by_torch(make: Callable[[Any], Any], decay: float = 0.0) -> np.ndarray:
    """Weights after NUM_STEPS of a torch optimizer; `decay` is applied by hand before each step."""
    import torch

    param = torch.nn.Parameter(torch.from_numpy(start()))
    optimizer = make([param])
    for rate, grad in zip(RATES, gradients(), strict=True):
        optimizer.param_groups[0]["lr"] = rate
        param.data.mul_(1.0 - rate * decay)
        param.grad = torch.from_numpy(grad)
        optimizer.step()
    return param.detach().numpy()


def by_optax(make: Callable[[Any], Any]) -> np.ndarray:
    """Weights after NUM_STEPS of an optax transformation of a schedule, in float64."""
    import jax
    import jax.numpy as jnp
    import optax

    with jax.enable_x64(True):
        rates = jnp.asarray(RATES)
        transformation = make(lambda count: rates[count])
        param = jnp.asarray(start())
        state = transformation.init(param)
        for grad in gradients():
            change, state = transformation.update(jnp.asarray(grad), state, param)
            param = optax.apply_updates(param, change)
        return np.asarray(param)


def test_adamw_is_torchs() -> None:
    """AdamW."""
    import torch

    theirs = by_torch(lambda p: torch.optim.AdamW(p, betas=(0.85, 0.97), eps=1e-6, weight_decay=0.1))
    np.testing.assert_allclose(by_rule("adamw"), theirs, rtol=1e-6, atol=0)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("nesterov", [False, True])
def test_sgd_is_torchs_with_decoupled_decay(momentum: float, nesterov: bool) -> None:
    """SGD, Nesterov or not, while the learning rate changes; the decay by hand."""
    import torch

    look_ahead = nesterov and momentum > 0  # torch refuses Nesterov without momentum: there is none to add
    theirs = by_torch(lambda p: torch.optim.SGD(p, momentum=momentum, nesterov=look_ahead), decay=0.1)
    np.testing.assert_allclose(by_rule("sgd", momentum=momentum, nesterov=float(nesterov)), theirs, rtol=1e-6)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_rmsprop_is_torchs_with_decoupled_decay(momentum: float) -> None:
    """RMSprop with eps outside the root; the decay by hand."""
    import torch

    theirs = by_torch(lambda p: torch.optim.RMSprop(p, alpha=0.97, eps=1e-6, momentum=momentum), decay=0.1)
    np.testing.assert_allclose(by_rule("rmsprop", momentum=momentum), theirs, rtol=1e-6)


@pytest.mark.parametrize("name", ["adamw", "nadamw"])
def test_rule_is_optaxs(name: str) -> None:
    """AdamW and NAdamW of optax."""
    import optax

    theirs = by_optax(lambda lr: getattr(optax, name)(lr, b1=0.85, b2=0.97, eps=1e-6, weight_decay=0.1))
    np.testing.assert_allclose(by_rule(name), theirs, rtol=1e-6)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_one_text_for_all_frameworks(name: str) -> None:
    """numpy, torch and jax.numpy compute the same from the same lines."""
    import jax
    import jax.numpy as jnp
    import torch

    ours = by_rule(name)
    np.testing.assert_allclose(by_rule(name, torch, torch.from_numpy), ours, rtol=1e-10)
    with jax.enable_x64(True):
        np.testing.assert_allclose(by_rule(name, jnp, jnp.asarray), ours, rtol=1e-10)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_update_changes_nothing_in_place(name: str) -> None:
    """Gradient, state and weight are as they were."""
    rule, param, grad = RULES[name], start(), next(gradients())
    state = rule.init(np, param)
    rule.update(np, grad, state, param, NUMBERS | {"lr": 0.1}, 0)
    assert np.array_equal(param, start())
    assert np.array_equal(grad, next(gradients()))
    assert all(not value.any() for value in state.values())


def test_every_optimizer_has_its_rule() -> None:
    """The rulebook and the records name the same optimizers."""
    assert set(RULES) == set(OPTIMIZERS)
    assert all(rule.num_grads == 1 for rule in RULES.values())
