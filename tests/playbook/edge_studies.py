"""Simulated studies for the boundary test, and two wrong twins of it.

A study: Halton points in 5 dimensions, a quadratic response with random optima in dimensions 1 to 4, the
shape under test in dimension 0, normal noise of SD .02. Shapes and cells are those of the test's
confirmation: "quad" is (x - c)^2, "weak" a quarter of it, "abs" |x - c|, "cliff" a gentle slope below c and a
steep one above, "diverging" is "abs" with divergence beyond c + .1.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.stats import qmc

from luthier.playbook import boundaries

NOISE = 0.02
DIVERGED = -50.0
Found = Callable[[np.ndarray, np.ndarray, np.random.Generator], list[bool]]


def real(u_nD, utility_n, rng) -> list[bool]:
    """Which dimensions have an edge: the test itself, diverged trials capped as `History.capped` does."""
    bad_n = utility_n == DIVERGED
    capped_n = np.where(bad_n, utility_n[~bad_n].min(), utility_n)
    edges = boundaries.edge_test(boundaries.Design.of(u_nD), capped_n, range(u_nD.shape[1]), rng)
    return [edge is not None and edge.found for edge in edges]


def without_gate(u_nD, utility_n, rng) -> list[bool]:
    """Wrong twin: the bootstrap alone, whether the setting matters or not."""
    edges = boundaries.edge_test(boundaries.Design.of(u_nD), utility_n, range(u_nD.shape[1]), rng)
    return [edge is not None and edge.share >= boundaries.MIN_SHARE for edge in edges]


def diverged_removed(u_nD, utility_n, rng) -> list[bool]:
    """Wrong twin: diverged trials are left out instead of capped."""
    keep_n = utility_n != DIVERGED
    return real(u_nD[keep_n], utility_n[keep_n], rng)


def response(shape: str, x_n: np.ndarray, c: float) -> np.ndarray:
    """Utility along dimension 0."""
    d_n = x_n - c
    return {
        "flat": 0 * d_n,
        "quad": -(d_n**2),
        "weak": -0.25 * d_n**2,
        "abs": -np.abs(d_n),
        "cliff": -np.where(d_n < 0, -0.3 * d_n, 3 * d_n),
        "diverging": np.where(d_n > 0.1, DIVERGED, -np.abs(d_n)),
    }[shape]


def study(shape: str, c: float, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Points [n, 5] and utilities [n]."""
    u_nD = qmc.Halton(5, rng=rng).random(n)
    if shape == "noise":
        return u_nD, rng.normal(size=n)
    optimum_D = rng.uniform(0.2, 0.8, 5)
    rest_n = ((u_nD - optimum_D) ** 2)[:, 1:].sum(axis=1)
    utility_n = response(shape, u_nD[:, 0], c) - rest_n + NOISE * rng.normal(size=n)
    return u_nD, np.where(utility_n < DIVERGED / 2, DIVERGED, utility_n)


def rate(found: Found, shape: str, c: float, n: int, *, studies: int = 100, any_dim: bool = False) -> int:
    """In how many studies is an edge found, in dimension 0 or in any?"""
    rng = np.random.default_rng(20)
    hits = [found(*study(shape, c, n, rng), rng) for _ in range(studies)]
    return sum(any(h) if any_dim else h[0] for h in hits)
