"""Divergence against the learning rate: the cliff is found, and only where it binds."""

from __future__ import annotations

import math

import numpy as np
import pytest

from luthier import stats
from luthier.playbook import stability
from luthier.space import Choice, Float, Space

from .histories import curve, history, scored, trial

SPACE = Space({"lr": Float(1e-4, 1.0, log=True)})


def study(n: int, cliff: float, optimum: float, seed: int = 0, width: float = 0.05, **recipe):
    """Trials that diverge beyond `cliff` (softly, `width` decades); the score peaks at `optimum`."""
    rng = np.random.default_rng(seed)
    trials = []
    for i in range(1, n + 1):
        lr = 10 ** rng.uniform(-4, 0)
        bad = rng.random() < 1 / (1 + math.exp(min(700.0, -math.log10(lr / cliff) / width)))
        score = -abs(math.log10(lr / optimum)) + 0.01 * rng.normal()
        trials.append(scored(i, {"lr": lr}, None if bad else score, **recipe))
    return history(trials)


def test_the_best_beside_the_cliff_is_bound_by_instability():
    (cliff,) = stability.cliffs(study(40, cliff=0.03, optimum=0.1), SPACE)
    assert cliff.binds
    assert cliff.lr_50 == pytest.approx(0.03, rel=0.5)
    (finding,) = stability.judge(study(40, cliff=0.03, optimum=0.1), SPACE)
    assert finding.code == "P18"
    assert finding.title == "instability binds the learning rate"
    assert finding.number == pytest.approx(cliff.lr_best / cliff.lr_50)
    assert finding.threshold == pytest.approx(10**-0.5)


def test_the_best_far_below_the_cliff_is_not():
    hist = study(40, cliff=0.1, optimum=0.001)
    assert not stability.cliffs(hist, SPACE)[0].binds
    assert stability.judge(hist, SPACE) == []


def test_detection_and_false_alarms_in_simulated_studies():
    """200 studies of 30 trials: a binding cliff is named in 95 % or more, a distant one in 2 % or fewer."""
    bound = sum(any(c.binds for c in stability.cliffs(study(30, 0.03, 0.3, s), SPACE)) for s in range(200))
    far = sum(any(c.binds for c in stability.cliffs(study(30, 0.1, 0.003, s), SPACE)) for s in range(200))
    assert stats.binomial_upper(bound, 200, 0.999) >= 0.95
    assert stats.binomial_lower(far, 200, 0.999) <= 0.02


def test_divergence_that_does_not_follow_the_learning_rate_is_no_cliff():
    rng = np.random.default_rng(1)
    lrs = 10 ** rng.uniform(-4, 0, 60)
    hist = history([scored(i, {"lr": v}, None if i % 5 == 0 else v) for i, v in enumerate(lrs, 1)])
    assert not any(c.binds for c in stability.cliffs(hist, SPACE))


@pytest.mark.parametrize(
    ("recipe", "remedy"),
    [
        ({"warmup": 0.0}, "Warm up: warmup=0.05"),
        ({"warmup": 0.05}, "Warm up longer"),
        ({"warmup": 0.05, "clip_norm": 1.0}, "normalisation"),
    ],
)
def test_the_remedy_is_the_first_that_is_not_yet_taken(recipe, remedy):
    (finding,) = stability.judge(study(40, 0.03, 0.1, **recipe), SPACE)
    assert finding.remedy.startswith(remedy) or remedy in finding.remedy


def test_clipping_starts_at_the_90th_percentile_of_the_norms():
    hist = study(40, 0.03, 0.1, warmup=0.05)
    with_norms = history(
        [trial(t.id, t.config, status=t.status, warmup=0.05,
               curve=curve(np.ones(11), None, np.full(11, t.curve[0].score)) if t.curve else ())
         for t in hist.trials[1:]]
    )  # fmt: skip
    assert "clip_norm=10" in stability.judge(with_norms, SPACE)[0].remedy


def test_mostly_diverging_trials_far_above_the_best_shrink_the_range():
    hist = study(60, cliff=0.005, optimum=1e-4)
    (finding,) = stability.judge(hist, SPACE)
    assert finding.title == "most trials diverge"
    assert finding.number > finding.threshold == 0.5
    assert "Lower the upper end of lr" in finding.remedy


def test_few_trials_are_unknown():
    (finding,) = stability.judge(study(9, 0.03, 0.1), SPACE)
    assert finding.text.startswith("Unknown: 9 trials with lr")


@pytest.mark.parametrize("cliff", [1e-9, 1e9])
def test_all_or_none_diverged_is_no_cliff(cliff):
    assert stability.judge(study(30, cliff, 0.01), SPACE) == []


def test_each_optimizer_has_a_cliff_of_its_own():
    space = Space(
        {
            "optimizer": Choice(("adamw", "sgd")),
            "adamw.lr": Float(1e-4, 1, log=True, when={"optimizer": ["adamw"]}),
            "sgd.lr": Float(1e-4, 1, log=True, when={"optimizer": ["sgd"]}),
        }
    )
    trials = []
    for rule, cliff, first in (("sgd", 0.03, 0), ("adamw", 1e9, 100)):
        for t in study(40, cliff, 0.1).trials[1:]:
            config = {"optimizer": rule, f"{rule}.lr": t.config["lr"]}
            trials.append(scored(first + t.id, config, t.curve[0].score if t.curve else None))
    assert [c.name for c in stability.cliffs(history(trials), space) if c.binds] == ["sgd.lr"]


def test_the_logistic_fit_is_the_maximum_likelihood_fit():
    """Against a fine grid of (centre, slope) on overlapping classes; the ridge moves them little."""
    rng = np.random.default_rng(2)
    x = rng.uniform(-4, 0, 300)
    hit = (rng.random(300) < 1 / (1 + np.exp(-3 * (x + 1.5)))).astype(float)
    centre, slope, p = stability.logistic(x, hit)
    grid = [(a, b) for a in np.linspace(-1.8, -1.2, 61) for b in np.linspace(1.5, 5, 71)]

    def likelihood(g):
        z = g[1] * (x - g[0])
        return float((hit * z - np.logaddexp(0, z)).sum())

    best = max(grid, key=likelihood)
    assert centre == pytest.approx(best[0], abs=0.03)
    assert slope == pytest.approx(best[1], rel=0.05)
    assert p < 1e-10


def test_p_of_the_logistic_fit_is_uniform_without_an_effect():
    """1,000 studies of 40 trials without effect: p < .05 in 5 % (3 standard errors: 2.1 %)."""
    rng = np.random.default_rng(3)
    p = [stability.logistic(rng.normal(size=40), (rng.random(40) < 0.4).astype(float))[2] for _ in range(1000)]
    assert np.mean(np.array(p) < 0.05) == pytest.approx(0.05, abs=0.021)


def test_perfect_separation_gives_a_finite_centre_between_the_classes():
    centre, slope, p = stability.logistic(np.arange(10.0), (np.arange(10) >= 6).astype(float))
    assert 5 < centre < 6
    assert math.isfinite(slope)
    assert p < 0.01
