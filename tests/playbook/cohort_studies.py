"""Simulated studies whose structural settings were drawn in cohorts, and a wrong twin of the test.

Halton points for two structural settings, one for each of V variants, and for three numeric ones, one for each
trial. The response is that of `edge_studies`; every variant has an offset of its own besides, as large as the
noise: what its structure does to the score beyond the two settings.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import qmc

from luthier.playbook import boundaries

from .edge_studies import NOISE, response

STRUCTURAL = (0, 1)


def study(shape: str, c: float, V: int, *, most: int, rng: np.random.Generator):
    """Points [n, 5], utilities [n] and the variant of each trial; 1 to `most` trials a variant."""
    row_n = np.repeat(np.arange(V), rng.integers(1, most + 1, V))
    n = len(row_n)
    u_nD = np.hstack([qmc.Halton(2, rng=rng).random(V)[row_n], qmc.Halton(3, rng=rng).random(n)])
    optimum_D = rng.uniform(0.2, 0.8, 5)
    utility_n = response(shape, u_nD[:, 0], c) - ((u_nD - optimum_D) ** 2)[:, 1:].sum(axis=1)
    offset_V = NOISE * rng.normal(size=V)
    return u_nD, utility_n + offset_V[row_n] + NOISE * rng.normal(size=n), row_n


def over_variants(u_nD, utility_n, row_n, rng) -> boundaries.Edge:
    """The test of the first setting as it is."""
    design = boundaries.Design.of(u_nD)
    design, utility_V = boundaries.by_variant(design, utility_n, list(row_n), STRUCTURAL)
    return boundaries.edge_test(design, utility_V, [0], rng)[0]


def over_trials(u_nD, utility_n, row_n, rng) -> boundaries.Edge:
    """Wrong twin: every trial counts as another draw of the structure."""
    return boundaries.edge_test(boundaries.Design.of(u_nD), utility_n, [0], rng)[0]


def rates(test, shape: str, c: float, V: int, *, most: int, studies: int = 200) -> tuple[int, int]:
    """In how many studies is there an edge, and in how many does the setting matter by the F test?"""
    rng = np.random.default_rng(21)
    found = [test(*study(shape, c, V, most=most, rng=rng), rng) for _ in range(studies)]
    return sum(edge.found for edge in found), sum(edge.p < boundaries.MAX_P for edge in found)
