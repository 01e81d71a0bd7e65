"""Initialisers: fans, gains, and what a recipe touches."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from luthier.algorithms.initialisers import begun, drawn, fans, gain
from luthier.errors import InvalidInput


@pytest.mark.parametrize("shape", [(8, 3), (8, 3, 5), (8, 3, 5, 7)])
def test_fans_are_torchs(shape: tuple[int, ...]) -> None:
    """The same kernel with its outputs last has the same."""
    theirs = torch.nn.init._calculate_fan_in_and_fan_out(torch.empty(shape))
    assert fans(shape) == theirs
    assert fans((*shape[2:], shape[1], shape[0]), outputs=-1) == theirs


@pytest.mark.parametrize("activation", ["linear", "sigmoid", "tanh", "relu", "leaky_relu", "selu"])
def test_gains_are_torchs(activation: str) -> None:
    """calculate_gain."""
    assert gain(activation) == pytest.approx(torch.nn.init.calculate_gain(activation))


def test_he_keeps_the_size_of_signals_through_relu() -> None:
    """20 layers: the second moment stays near 1; with the normal's deviation as a bound it is 1e-9."""
    moments = {}
    for name, factor in (("he_uniform", 1.0), ("wrong", 3**-0.5)):
        x = np.random.default_rng(0).normal(size=(256, 128))
        for layer in range(20):
            x = np.maximum(x @ drawn("he_uniform", (128, 128), layer, factor=factor).T, 0.0)
        moments[name] = 2 * (x**2).mean()
    assert 0.2 < moments["he_uniform"] < 5
    assert moments["wrong"] < 1e-7


def test_only_what_is_drawn_at_random_is_drawn_anew() -> None:
    """A weight that is the same for two seeds was trained or set on purpose; embeddings and vectors stay."""
    one, other = ({n: np.full((4, 3), v) for n, v in zip("ab", values, strict=True)} for values in ((1, 2), (1, 3)))
    one |= {"bias": np.ones(4), "table": np.ones((4, 3))}
    other |= {"bias": np.zeros(4), "table": np.zeros((4, 3))}
    found = begun(one, other, init="normal", factor=1.0, zero="as", seed=0, spared=frozenset({"table"}))
    assert set(found) == {"b", "bias"}
    assert not found["bias"].any()


def test_what_was_trained_before_does_not_begin_at_zero() -> None:
    """Equal for two seeds and no constant: it stays; the ones of a scale, and what is drawn, begin at 0."""
    trained, ones, one, other = np.arange(4.0), np.ones(4), np.array([1.0, 2.0]), np.array([2.0, 1.0])
    here = {"a.bias": trained, "b.bias": ones, "c.bias": one}
    there = {"a.bias": trained, "b.bias": ones, "c.bias": other}
    found = begun(here, there, init="", factor=1.0, zero="bias", seed=0)
    assert set(found) == {"b.bias", "c.bias"}
    assert not any(value.any() for value in found.values())


def test_unknown_names_and_vectors_are_refused() -> None:
    """In words."""
    with pytest.raises(InvalidInput, match="xavier_uniform"):
        drawn("glorot", (3, 4), 0)
    with pytest.raises(InvalidInput, match="two axes"):
        drawn("normal", (3,), 0)
