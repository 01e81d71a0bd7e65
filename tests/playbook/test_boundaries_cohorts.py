"""Structural settings, drawn in cohorts: variants count, not trials."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from luthier import stats
from luthier.playbook import boundaries, stability
from luthier.space import Choice, Float, Int, Space

from . import cohort_studies as simulated
from .histories import history, scored

SURE = 0.999
LR = Float(1e-4, 1e-2, log=True)
SPACE = Space({"lr": LR, "width": Int(8, 256), "activation": Choice(("relu", "gelu"))})


@pytest.mark.parametrize(("num_variants", "most"), [(20, 15), (20, 3), (30, 8), (20, 1)])
def test_a_structural_setting_without_effect_is_seldom_called_significant(num_variants, most):
    """At most 2 % of the studies where p < .01 is asked for, and edges in no more than they had before."""
    edges, significant = simulated.rates(simulated.over_variants, "flat", 0.0, num_variants, most=most)
    assert stats.binomial_lower(edges, 200, SURE) <= 0.02
    assert stats.binomial_lower(significant, 200, SURE) <= 0.02


def test_the_promise_fails_where_trials_are_counted():
    edges, significant = simulated.rates(simulated.over_trials, "flat", 0.0, 20, most=15)
    assert stats.binomial_lower(edges, 200, SURE) > 0.02
    assert stats.binomial_lower(significant, 200, SURE) > 0.10


@pytest.mark.parametrize(("shape", "c"), [("quad", 0.5), ("abs", 0.5), ("cliff", 0.5), ("quad", 0.75)])
def test_an_optimum_inside_seldom_raises_an_alarm(shape, c):
    edges, _ = simulated.rates(simulated.over_variants, shape, c, 20, most=15, studies=100)
    assert stats.binomial_lower(edges, 100, SURE) <= 0.03


@pytest.mark.parametrize(("shape", "c", "power"), [("quad", 1.0, 0.9), ("quad", 1.3, 0.98), ("weak", 1.3, 0.9)])
def test_an_optimum_at_or_beyond_the_edge_is_found(shape, c, power):
    edges, _ = simulated.rates(simulated.over_variants, shape, c, 20, most=15, studies=100)
    assert stats.binomial_upper(edges, 100, SURE) >= power


def test_one_trial_a_variant_is_the_test_over_trials():
    rng = np.random.default_rng(0)
    u_nD, utility_n, row_n = simulated.study("quad", 1.0, 30, most=1, rng=rng)
    design = boundaries.Design.of(u_nD)
    means, utility_V = boundaries.by_variant(design, utility_n, list(row_n), (0, 1))
    assert np.array_equal(means.X_nK, design.X_nK)
    assert np.array_equal(utility_V, utility_n)
    assert means.columns == design.columns


def cohorts(num: int, size: int, score, *, structural=("width", "activation"), seed: int = 0):
    """A history of `num` variants with `size` trials each; `score` of (configuration, width in the cube)."""
    rng = np.random.default_rng(seed)
    trials = []
    for _ in range(num):
        structure = SPACE.decode(rng.random(3))
        for _ in range(size):
            config = {**structure, "lr": LR.decode(rng.random())}
            u = SPACE.domains["width"].encode(config["width"])
            trials.append(scored(len(trials) + 1, config, score(config, u) + 0.01 * rng.normal()))
    return msgspec.structs.replace(history(trials), structural=structural)


def find(hist):
    return boundaries.find(hist, SPACE, np.random.default_rng(0))


def test_few_variants_are_unknown_however_many_trials_they_have():
    edges = find(cohorts(6, 8, lambda c, u: u))
    (finding,) = [f for f in edges.findings if f.title.startswith("edges") and "width" in f.text]
    assert finding.text == "Unknown: 6 variants (48 complete trials) with width, the rule needs 20."
    assert finding.n == 6


def test_an_edge_is_told_with_its_variants():
    edges = find(cohorts(25, 6, lambda c, u: u))
    (edge,) = edges.boundaries
    assert (edge.name, edge.side, edge.n) == ("width", "high", 25)
    assert edge.expansion == Int(8, 380)
    (finding,) = [f for f in edges.findings if f.n == 25]
    assert "of the resamples of 25 variants (150 trials)" in finding.text


def test_no_edge_is_told_with_its_variants():
    findings = [f for f in find(cohorts(25, 6, lambda c, u: -((u - 0.5) ** 2))).findings if "width" in f.text]
    (finding,) = findings
    assert "with 25 variants (150 trials) this says little" in finding.text
    assert finding.remedy == "Test again with 40 variants"


def test_numeric_settings_count_trials_beside_structural_ones():
    edges = find(cohorts(6, 8, lambda c, u: LR.encode(c["lr"]) + {"relu": 0, "gelu": 1}[c["activation"]]))
    (edge,) = edges.boundaries
    assert (edge.name, edge.side, edge.n) == ("lr", "high", 48)


def test_without_structural_settings_nothing_changes():
    hist = cohorts(6, 8, lambda c, u: u)
    assert find(msgspec.structs.replace(hist, structural=())) == find(
        msgspec.structs.replace(hist, structural=("x",))
    )


def test_divergence_by_variants_does_not_make_a_cliff_of_the_learning_rate():
    """Each of 10 variants diverges with a chance of its own, whatever its learning rates: p < .01 in at most 2 %."""
    rng, hits = np.random.default_rng(4), 0
    for _ in range(400):
        chance_V = rng.beta(0.5, 0.5, 10)
        bad_n = (rng.random((10, 6)) < chance_V[:, None]).ravel().astype(float)
        hits += stability.logistic(rng.uniform(-4, 0, 60), bad_n)[2] < 0.01
    assert stats.binomial_lower(hits, 400, SURE) <= 0.02
