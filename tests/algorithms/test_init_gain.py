"""Gains by the activation that follows a layer: what "auto" means, and where it is known."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import leaky_relu

from luthier.algorithms.initialisers import ACTIVATIONS, DRAWS, Fans, factor_before, gain
from luthier.engines.spec import Loss
from luthier.engines.torch import TorchEngine
from luthier.errors import InvalidInput
from luthier.recipe import Recipe

ENTROPY = Loss("cross_entropy")
LINEAR, RELU, TANH = (gain(name) for name in ("linear", "relu", "tanh"))


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_initialisers_have_the_deviation_of_torchs(activation: str) -> None:
    """kaiming_normal_ by `nonlinearity`, xavier_normal_ and orthogonal_ by `gain`: on a large matrix, to 2 %."""
    theirs = torch.nn.init
    given = {} if activation != "leaky_relu" else {"a": 0.01}
    known: dict[str, Callable[[Any], Any]] = {
        "he_normal": lambda w: theirs.kaiming_normal_(w, nonlinearity=activation, **given),
        "xavier_normal": lambda w: theirs.xavier_normal_(w, theirs.calculate_gain(activation)),
        "orthogonal": lambda w: theirs.orthogonal_(w, theirs.calculate_gain(activation)),
    }
    for name, begin in known.items():
        torch.manual_seed(0)
        expected = begin(torch.empty(300, 200)).std().item()
        ours = DRAWS[name](np.random.default_rng(0), (300, 200), Fans(200, 300))
        assert ours.std() * factor_before(name, activation) == pytest.approx(expected, rel=0.02)


class Residual(nn.Module):
    """Functions, a sum of two ways, and a reshape."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm = nn.Linear(4, 8), nn.BatchNorm1d(8)
        self.second, self.third = nn.Linear(8, 8), nn.Linear(8, 8, bias=False)
        self.head = nn.Linear(8, 3)

    def forward(self, x: Any) -> Any:
        x = leaky_relu(self.norm(self.first(x)), 0.3)
        x = torch.tanh(self.second(x) + self.third(x))
        return self.head(x.view(x.size(0), -1))


def chain(activation: nn.Module) -> nn.Module:
    return nn.Sequential(nn.Linear(4, 8), nn.LayerNorm(8), nn.Dropout(0.1), activation, nn.Linear(8, 3))


def gains(build: Callable[[], nn.Module], init: str = "orthogonal") -> dict[str, float]:
    """{weight: its factor against init_gain=1}."""
    population = TorchEngine(4, 3).open(build, Recipe(), ENTROPY, "loop")
    auto, plain = (population.fresh(Recipe(init=init, init_gain=g), 0) for g in ("auto", 1.0))
    matrices = {name: value for name, value in plain.items() if name.startswith("weights/") and value.ndim > 1}
    return {name.removeprefix("weights/"): float((auto[name] / value).mean()) for name, value in matrices.items()}


def test_torch_models_are_read_by_their_calls() -> None:
    """Sequential and own code; normalisation, dropout, sums and reshapes are passed; the last layer is linear."""
    assert gains(lambda: chain(nn.Tanh())) == pytest.approx({"0.weight": TANH, "4.weight": LINEAR}, rel=1e-5)
    assert gains(lambda: chain(nn.ReLU()), "he_normal") == pytest.approx(
        {"0.weight": 1.0, "4.weight": LINEAR / RELU}, rel=1e-5
    )
    expected = {"first": gain("leaky_relu", 0.3), "second": TANH, "third": TANH, "head": LINEAR}
    assert gains(Residual) == pytest.approx({f"{name}.weight": value for name, value in expected.items()}, rel=1e-5)


class Branches(nn.Module):
    """Data decide what is computed."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 3)

    def forward(self, x: Any) -> Any:
        return self.linear(x) if x.sum() > 0 else self.linear(-x)


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda: chain(nn.GELU()), "no gain is known for GELU, which follows it"),
        (Branches, "what follows it is not seen"),
        (lambda: nn.Sequential(nn.LSTM(4, 3)), "it is not seen what follows it"),
    ],
)
def test_what_is_not_known_is_refused(build: Callable[[], nn.Module], said: str) -> None:
    """With the weight, the reason and the remedy."""
    population = TorchEngine(4, 3).open(build, Recipe(), ENTROPY, "loop")
    with pytest.raises(InvalidInput, match=rf"init_gain='auto' for \S+: {said}.*Give init_gain a number"):
        population.fresh(Recipe(init="he_normal", init_gain="auto"), 0)


def test_other_words_are_refused() -> None:
    """A number above 0, or "auto"; a configuration may set either."""
    assert Recipe().with_config({"init": "he_normal", "init_gain": "auto"}).init_gain == "auto"
    for wrong in ("automatic", 0.0, -1.0):
        with pytest.raises(InvalidInput, match="0 < init_gain"):
            Recipe(init_gain=wrong)


def test_flax_models_are_read_where_they_are_sequential() -> None:
    """A nested Sequential with functions; a class of one's own is refused."""
    nnx = pytest.importorskip("flax.nnx")
    from luthier.engines.jax import JaxEngine

    def net(inputs: int, outputs: int, rngs: Any) -> Any:
        slope = partial(nnx.leaky_relu, negative_slope=0.3)
        inner = nnx.Sequential(nnx.Linear(8, 8, rngs=rngs), nnx.BatchNorm(8, rngs=rngs), slope)
        return nnx.Sequential(nnx.Linear(inputs, 8, rngs=rngs), nnx.tanh, inner, nnx.Linear(8, outputs, rngs=rngs))

    class Own(nnx.Module):
        def __init__(self, inputs: int, outputs: int, rngs: Any) -> None:
            self.linear = nnx.Linear(inputs, outputs, rngs=rngs)

        def __call__(self, x: Any) -> Any:
            return self.linear(x)

    population = JaxEngine(4, 3).open(net, Recipe(), ENTROPY, "scan")
    auto, plain = (population.fresh(Recipe(init="orthogonal", init_gain=g), 0) for g in ("auto", 1.0))
    for name, value in (("layers.0", TANH), ("layers.2.layers.0", gain("leaky_relu", 0.3)), ("layers.3", LINEAR)):
        key = f"weights/{name}.kernel"
        np.testing.assert_allclose(auto[key] / plain[key], value, rtol=1e-5)
    with pytest.raises(InvalidInput, match="it is not seen what follows it"):
        JaxEngine(4, 3).open(Own, Recipe(), ENTROPY, "scan").fresh(Recipe(init="he_normal", init_gain="auto"), 0)
