"""What curves say: each rule fires on a planted trouble, rests on a healthy curve, and admits ignorance."""

from __future__ import annotations

import math

import numpy as np
import pytest

from luthier import stats
from luthier.playbook import steps
from luthier.records import Facts, Metric

from .histories import ACCURACY, alone, curve, trial

N = 18
T = np.arange(1, N + 1) / N
FACTS = Facts(
    task="t", kind="multiclass", metric=ACCURACY, framework="f", engine="e", mode="loop", num_train=1000,
    num_val=400, num_test=400, num_inputs=4, num_outputs=3, num_parameters=10,
)  # fmt: skip


def noise(seed: int, sd: float = 0.005) -> np.ndarray:
    return sd * np.random.default_rng(seed).normal(size=N)


def healthy(i: int):
    """Falls and levels out half way; the best step varies."""
    loss = 0.3 + np.exp(-12 * T) + noise(i)
    return trial(i, {"lr": 1e-3}, curve=curve(loss - 0.1, loss, 0.9 + noise(i + 100, 0.0005)))


def codes(trials, facts=FACTS) -> set[str]:
    return {f.code for f in steps.judge(alone(trials), facts)}


def by_code(trials, code):
    return next(f for f in steps.judge(alone(trials), FACTS) if f.code == code)


def test_healthy_curves_give_no_finding():
    assert codes([healthy(i) for i in range(1, 6)]) == set()


def peak_at(i: int, fraction: float):
    """A trial whose best score is at that fraction of training."""
    loss = 0.3 + np.exp(-12 * T) + noise(i)
    score = 0.9 - np.abs(T - fraction) + 0 * T
    return trial(i, {}, curve=curve(loss, loss, score))


def test_best_steps_always_early_mean_too_long():
    finding = by_code([peak_at(i, 0.05 + 0.005 * i) for i in range(5)], "P23")
    assert finding.threshold == 0.10
    assert finding.n == 5
    assert "fewer steps" in finding.remedy


def test_one_late_best_step_among_early_ones_means_nothing():
    assert "P23" not in codes([peak_at(i, 0.05) for i in range(4)] + [peak_at(9, 0.5)])


def test_best_steps_consistently_late_mean_too_short():
    finding = by_code([peak_at(i, 0.95) for i in range(4)] + [peak_at(9, 0.5)], "P22")
    assert finding.number == pytest.approx(0.8)
    assert "Train longer" in finding.remedy


def test_best_steps_in_between_are_fine():
    assert not codes([peak_at(i, 0.5) for i in range(5)]) & {"P22", "P23"}


def test_a_smaller_loss_is_the_better_score():
    loss_metric = Metric(name="log_loss", greater_is_better=False)
    trials = [trial(i, {}, curve=curve(np.ones(N), None, np.abs(T - 0.06))) for i in range(5)]
    assert steps.best_step(alone(trials, loss_metric), trials).code == "P23"


def test_only_complete_trials_are_looked_at():
    stopped = [trial(i, {}, status="stopped", curve=peak_at(i, 0.05).curve[:6]) for i in range(1, 6)]
    assert "P23" not in {f.code for f in steps.judge(alone(stopped), FACTS) if math.isfinite(f.number)}


def test_validation_loss_that_rises_is_problematic_overfitting():
    val = 0.3 + 0.7 * np.exp(-12 * T) + 0.3 * np.maximum(T - 0.4, 0) + noise(1)
    finding = by_code([trial(1, {}, curve=curve(np.exp(-5 * T), val, 0.9 - val))], "P20")
    assert finding.number == pytest.approx(0.3 * 0.55 / val[0], rel=0.3)
    assert finding.threshold == 0.05
    assert finding.severity == "warning"
    assert "regularisation" in finding.remedy


def test_overfitting_of_a_lesser_trial_is_only_information():
    val = 0.3 + 0.7 * np.exp(-12 * T) + 0.3 * np.maximum(T - 0.4, 0) + noise(1)
    bad = trial(1, {}, curve=curve(np.exp(-5 * T), val, 0.5 - val))
    assert by_code([bad, healthy(2)], "P20").severity == "info"


def test_training_loss_that_rises_is_the_one_cause_and_overfitting_is_not_named_beside_it():
    loss = 0.3 + 0.7 * np.exp(-12 * T) + 0.5 * np.maximum(T - 0.5, 0) + noise(2)
    bad = [trial(1, {}, curve=curve(loss, loss + 0.1, 0.9 - loss))]
    assert codes(bad) & {"P20", "P24"} == {"P24"}
    assert "learning rate" in by_code(bad, "P24").remedy


@pytest.mark.parametrize("ripple", [0.002, 0.02])
def test_noise_on_a_plateau_is_seldom_taken_for_a_rise(ripple):
    """1,000 curves, with noise small and large: at most 1 % (the level of the slope test)."""
    rng = np.random.default_rng(3)
    hits = 0
    for i in range(1000):
        val = 0.4 + np.exp(-15 * T) + ripple * rng.normal(size=N)
        hits += steps.rise_after_minimum(trial(i, {}, curve=curve(val)), "val_loss") is not None
    assert stats.binomial_lower(hits, 1000, 0.999) <= 0.01


def test_still_improving_at_the_end():
    loss = 1.0 - 0.5 * T + noise(1, 0.001)
    (finding,) = [f for f in steps.judge(alone([trial(1, {}, curve=curve(loss))]), FACTS) if f.code == "P22"]
    assert finding.title == "still improving at the end"
    assert finding.number == pytest.approx(0.5 * (1 - 14 / 18) / loss[0], rel=0.1)


def test_an_exact_plateau_and_an_exact_line_are_judged():
    assert steps.still_improving(trial(1, {}, curve=curve(np.full(N, 0.5)))) is None
    assert steps.still_improving(trial(1, {}, curve=curve(1 - T / 2))) is not None


@pytest.mark.parametrize(
    ("sd", "severity", "remedy"), [(0.015, "info", "validation rows"), (0.08, "warning", "Decay")]
)
def test_late_variance_has_two_causes_told_apart_by_its_size(sd, severity, remedy):
    """400 rows at 90 %: standard error .015. Of 200 reports 50 are late and tell the SD to 30 % (3 SE)."""
    score = 0.9 + sd * np.random.default_rng(0).normal(size=200)
    finding = by_code([trial(1, {}, curve=curve(np.ones(200), None, score))], "P21")
    assert finding.number == pytest.approx(sd / 0.015, rel=0.3)
    assert finding.severity == severity
    assert remedy in finding.remedy


def test_a_steady_trend_is_no_late_variance():
    score = 0.5 + 0.4 * T
    assert "P21" not in codes([trial(1, {}, curve=curve(np.ones(N), None, score))])


def test_other_metrics_have_no_binomial_yardstick():
    wild = trial(1, {}, curve=curve(np.ones(N), None, np.where(np.arange(N) % 2, 1.0, 0.0)))
    assert steps.late_variance(alone([wild], Metric(name="rmse", greater_is_better=False)), wild, 400) is None


@pytest.mark.parametrize("num_reports", [1, 2, 3, 9])
def test_short_curves_are_unknown(num_reports):
    short = [trial(i, {}, curve=curve(np.linspace(1, 0.5, num_reports))) for i in range(1, 6)]
    findings = steps.judge(alone(short), FACTS)
    assert {f.code for f in findings} == {"P20", "P21", "P22", "P23", "P24"} - {"P20"}
    assert all(f.text.startswith("Unknown") for f in findings)


def test_no_complete_trial_is_unknown():
    from luthier.records import History

    (finding,) = steps.judge(History(metric=ACCURACY), FACTS)
    assert finding.text.startswith("Unknown: 0 complete trials")


def test_curves_with_holes_do_not_harm():
    loss = np.where(np.arange(N) % 3 == 0, math.nan, 0.5)
    steps.judge(alone([trial(1, {}, curve=curve(loss, loss, np.full(N, 0.9)))]), FACTS)
