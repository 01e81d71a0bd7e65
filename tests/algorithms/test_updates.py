"""Each update rule equals the framework's own optimizer, at that framework's conventions."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
from benchmarks.algorithms.peers import PEERS, RATES, by_rule, difference, gradients, start

from luthier.algorithms.conformance import check_rule
from luthier.algorithms.muon import NUM_ITERATIONS
from luthier.algorithms.rule import Rule
from luthier.algorithms.updates import RULES
from luthier.recipe import OPTIMIZERS

TWINS = {
    "moves at lr 0": Rule("twin", (), move=lambda xp, grad, state, now, *, param: (param - 0.01 * grad, state)),
    "uphill": Rule("twin", (), lambda xp, grad, state, now: (-grad, state)),
    "forgets its state": Rule("twin", ("m",), lambda xp, grad, state, now: (grad, {})),
}


@pytest.mark.parametrize("name", PEERS)
def test_rule_is_that_of_its_peer(name: str) -> None:
    """100 steps in float64, the learning rate changing where the peer's convention allows it."""
    peer = PEERS[name]
    if peer.needs and importlib.util.find_spec(peer.needs) is None:
        pytest.skip(f"{peer.needs} is not installed")
    assert difference(peer) < peer.tolerance


@pytest.mark.parametrize("name", RULES)
def test_rule_keeps_the_contract(name: str) -> None:
    """Nothing in place, still at lr 0, decoupled decay, downhill."""
    check_rule(RULES[name])


@pytest.mark.parametrize("name", TWINS)
def test_contract_notices_a_wrong_rule(name: str) -> None:
    """A rule with one fault fails."""
    with pytest.raises(AssertionError):
        check_rule(TWINS[name])


def test_contract_notices_coupled_decay() -> None:
    """L2 in the gradient of Adam is another thing than decay."""

    def coupled(xp, grad, state, now, *, param):
        grad = grad + now.numbers["weight_decay"] * param
        plain = now._replace(numbers=dict(now.numbers) | {"weight_decay": 0.0})
        direction, state = RULES["adamw"].direction(xp, grad, state, plain)
        return param - now.numbers["lr"] * direction, state

    with pytest.raises(AssertionError):
        check_rule(Rule("twin", ("m", "v"), move=coupled))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_one_text_for_all_frameworks(name: str) -> None:
    """numpy, torch and jax.numpy compute the same from the same lines."""
    import jax
    import jax.numpy as jnp
    import torch

    ours = by_rule(name)
    np.testing.assert_allclose(by_rule(name, torch, torch.from_numpy), ours, rtol=1e-8)
    with jax.enable_x64(True):
        np.testing.assert_allclose(by_rule(name, jnp, jnp.asarray), ours, rtol=1e-8)


def test_muon_is_its_formula() -> None:
    """Written out in numpy: m, the look ahead, five iterations on the matrix, the scale, the decay."""
    weight, mean = start(), np.zeros((2, 5))
    for grad, rate in zip(gradients(), RATES, strict=True):
        mean = 0.9 * mean + 0.1 * grad
        x = 0.1 * grad + 0.9 * mean
        x = x / (np.linalg.norm(x) + 1e-7)
        for _ in range(NUM_ITERATIONS):
            gram = x @ x.T
            x = 3.4445 * x + (-4.7750 * gram + 2.0315 * gram @ gram) @ x
        weight = weight - rate * (0.1 * weight + 0.2 * np.sqrt(5) * x)
    np.testing.assert_allclose(by_rule("muon"), weight, rtol=1e-9)


def test_muon_does_not_depend_on_the_axis_of_the_outputs() -> None:
    """A kernel with its outputs last gets the step of its transpose."""
    rule, numbers = RULES["muon"], {"lr": 0.1, "weight_decay": 0.0, "momentum": 0.9}
    rng = np.random.default_rng(0)
    kernel, grad = rng.normal(size=(2, 3, 3, 5)), rng.normal(size=(2, 3, 3, 5))
    first = [np.moveaxis(x, -1, 0) for x in (kernel, grad)]
    last, _ = rule.update(np, grad, rule.init(np, kernel), kernel, numbers, 0, outputs=-1)
    moved, _ = rule.update(np, first[1], rule.init(np, first[0]), first[0], numbers, 0)
    np.testing.assert_allclose(np.moveaxis(last, -1, 0), moved, rtol=1e-9)


def test_schedule_free_is_evaluated_at_the_mean_of_its_fast_weights() -> None:
    """With c = 1 / t the average is the plain mean of z; the weights that are trained lie between."""
    rule, numbers = RULES["schedule_free"], {"lr": 0.1, "weight_decay": 0.0, "beta1": 0.9, "beta2": 0.9, "eps": 1e-8}
    param = start()
    state, seen = rule.init(np, param), []
    for step, grad in enumerate(gradients()):
        param, state = rule.update(np, grad, state, param, numbers | {"averaging": 1 / (step + 1)}, step)
        seen.append(state["z"])
    np.testing.assert_allclose(rule.eval_params(param, state), np.mean(seen, axis=0), rtol=1e-9)
    np.testing.assert_allclose(param, 0.1 * state["z"] + 0.9 * state["average"], rtol=1e-9)


def test_every_optimizer_has_its_rule_and_every_rule_a_peer() -> None:
    """The rulebook, the records and the comparison name the same optimizers."""
    assert set(RULES) == set(OPTIMIZERS) == {peer.rule for peer in PEERS.values()}
