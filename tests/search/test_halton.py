"""The Halton sequence: uniform, evener than chance, without the diagonals of high bases."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luthier.search.conformance import SPACES, make_history, make_trial
from luthier.search.halton import HaltonSampler, point, primes


def points(num: int, dims: int, seed: int) -> np.ndarray:
    return np.array([point(i, dims, seed) for i in range(num)])


def discrepancy(u_ND: np.ndarray) -> float:
    """Centred L2 discrepancy (Hickernell 1998): 0 is perfectly even."""
    num, dims = u_ND.shape
    away = np.abs(u_ND - 0.5)
    first = (13 / 12) ** dims
    second = (1 + 0.5 * away - 0.5 * away**2).prod(axis=1).sum() * 2 / num
    pair = 1 + 0.5 * away[:, None] + 0.5 * away[None] - 0.5 * np.abs(u_ND[:, None] - u_ND[None])
    return math.sqrt(first - second + pair.prod(axis=2).sum() / num**2)


def test_the_primes_are_the_primes():
    assert primes(50)[-1] == 229
    assert primes(10) == (2, 3, 5, 7, 11, 13, 17, 19, 23, 29)


def test_the_discrepancy_in_use_tells_even_from_uneven():
    grid = (np.arange(64) + 0.5)[:, None] / 64
    assert discrepancy(grid) < 0.01 < discrepancy(grid**2)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**31 - 1), dims=st.integers(1, 6), num=st.integers(16, 128))
def test_it_is_evener_than_random_points(seed, dims, num):
    """Against the mean of ten random sets of the same size."""
    rng = np.random.default_rng(seed)
    chance = np.mean([discrepancy(rng.random((num, dims))) for _ in range(10)])
    assert discrepancy(points(num, dims, seed)) < chance


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**31 - 1), power=st.integers(1, 4), dim=st.integers(0, 3))
def test_every_block_of_base_to_the_k_points_has_one_in_each_cell(seed, power, dim):
    """What defines the sequence, and what the scrambling has to keep: in base b, b^k points, b^k equal cells."""
    size = primes(4)[dim] ** power
    if size <= 700:
        u_N = points(size, 4, seed)[:, dim]
        assert sorted(np.floor(u_N * size).astype(int)) == list(range(size))


@pytest.mark.parametrize("dims", [1, 2, 10, 50])
def test_the_points_are_uniform_in_every_dimension(dims):
    """Over scramblings, a point is uniform: mean 1/2 and variance 1/12, within four standard errors."""
    u_ND = np.array([point(3, dims, seed) for seed in range(400)])
    assert ((u_ND >= 0) & (u_ND < 1)).all()
    assert np.abs(u_ND.mean(axis=0) - 0.5).max() < 4 * math.sqrt(1 / 12 / 400)
    assert np.abs(u_ND.var(axis=0) - 1 / 12).max() < 4 * math.sqrt(1 / 180 / 400)


def test_high_dimensions_do_not_run_along_a_diagonal():
    """The plain sequence correlates neighbouring high dimensions by more than 0.9 in its first 60 points."""
    plain = np.array([[i / base for base in primes(50)[-4:]] for i in range(60)])
    assert np.corrcoef(plain.T)[0, 1] > 0.9
    assert np.abs(np.corrcoef(points(60, 50, 1)[:, -10:].T) - np.eye(10)).max() < 0.5


def test_one_sequence_runs_through_the_decisions_of_a_run():
    """Other keys, one trial after another: together the points are those of one scrambled sequence."""
    space, history = SPACES["one number"], make_history(SPACES["one number"], 0)
    for number in range(1, 17):
        made = HaltonSampler().suggest(space, history, 1000 + number, 1)[0]
        trial = make_trial(number, made.config, (0.5,), origin=made.origin)
        history = type(history)(metric=history.metric, rungs=history.rungs, trials=(*history.trials, trial))
    u_N = np.array([space.encode(t.config)[0] for t in history.trials[1:]])
    assert sorted(np.floor(u_N * 16).astype(int)) == list(range(16))
