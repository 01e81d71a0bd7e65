"""The model of the default sampler: against the formula written out, and what it learns from what."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.search import surrogate
from luthier.search.conformance import SPACES, make_history, make_trial
from luthier.search.surrogate import (
    JITTER,
    MOST,
    Observed,
    Surrogate,
    centre,
    loss_and_slope,
    num_settled,
    observed,
    scores,
)
from luthier.search.table import Table

OPTIONS = np.array([0, 0, 3])
"""Two numbers and a choice among three."""


def some(num: int = 14, seed: int = 0) -> Observed:
    """Observations at three rungs; the second number is off in a third of them, the choice in one."""
    rng = np.random.default_rng(seed)
    x_ND = rng.random((num, 3))
    x_ND[::3, 1] = math.nan
    x_ND[1, 2] = math.nan
    return Observed(x_ND, rng.integers(0, 3, num), scores(-((x_ND[:, 0] - 0.3) ** 2)))


def fit(model: Surrogate, data: Observed) -> Surrogate:
    """Learn from observations and condition on the same."""
    model.learn(data)
    model.condition(data)
    return model


def table_of(history) -> Table:
    table = Table()
    table.update(SPACES["mixed"], history)
    return table


def square(a_D, b_D, axis: int) -> float:
    """The squared distance of two settings, case by case."""
    a, b = a_D[axis], b_D[axis]
    if OPTIONS[axis]:
        if math.isnan(a) or math.isnan(b):
            return 0.0 if math.isnan(a) and math.isnan(b) else 0.5
        return 0.0 if int(a * OPTIONS[axis]) == int(b * OPTIONS[axis]) else 1.0
    if math.isnan(a) or math.isnan(b):
        known = [x for x in (a, b) if not math.isnan(x)]
        return sum((x - 0.5) ** 2 + 0.25 for x in known)
    return (a - b) ** 2


def covariance(theta, a_D, b_D, apart: int) -> float:
    """The kernel of the module's docstring, in units of the scale."""
    r = math.sqrt(5 * sum(square(a_D, b_D, d) / math.exp(theta[d]) ** 2 for d in range(3)))
    rho = 1 / (1 + math.exp(-theta[-1]))
    return (1 + r + r * r / 3) * math.exp(-r) * rho**apart


def test_predictions_are_those_of_the_formula_written_out():
    """Pair by pair, with an inverse: Rasmussen & Williams 2006, equations 2.25 and 2.26, the mean fitted."""
    data, model = some(), Surrogate(OPTIONS)
    fit(model, data)
    pairs = [
        [covariance(model.theta, a, b, abs(i - j)) for b, j in zip(data.x_ND, data.rung_N, strict=True)]
        for a, i in zip(data.x_ND, data.rung_N, strict=True)
    ]
    inverse_NN = np.linalg.inv(np.array(pairs) + np.eye(len(pairs)) * (math.exp(model.theta[-2]) + JITTER))
    mean = inverse_NN.sum(0) @ data.y_N / inverse_NN.sum()
    scale = (data.y_N - mean) @ inverse_NN @ (data.y_N - mean) / len(pairs)
    for x_D in some(9, seed=1).x_ND:
        k_N = np.array([covariance(model.theta, x_D, b, 2 - j) for b, j in zip(data.x_ND, data.rung_N, strict=True)])
        got_mean, got_sd = model.predict(x_D[None], 2)
        assert got_mean[0] == pytest.approx(mean + k_N @ inverse_NN @ (data.y_N - mean), rel=1e-6)
        assert got_sd[0] == pytest.approx(math.sqrt(scale * (1 - k_N @ inverse_NN @ k_N)), rel=1e-6)


def check_slope(function) -> None:
    """The gradient is that of the loss, by central differences, at the centre and away from it."""
    data, step = some(), 1e-5
    square_DNN = np.array([[[square(a, b, d) for b in data.x_ND] for a in data.x_ND] for d in range(3)])
    rest = square_DNN, np.abs(data.rung_N[:, None] - data.rung_N[None]), data.y_N
    for shift in (0.0, 0.7, -0.9):
        theta = centre(3) + shift
        _, slope = function(theta, *rest)
        ends = [[function(theta + sign * step * axis, *rest)[0] for sign in (1, -1)] for axis in np.eye(5)]
        assert slope == pytest.approx([(up - down) / (2 * step) for up, down in ends], rel=1e-5, abs=1e-6)


def test_the_gradient_is_that_of_the_loss():
    check_slope(loss_and_slope)


@pytest.mark.parametrize("axis", range(5))
def test_the_check_of_the_gradient_fails_on_one_wrong_part(axis):
    def wrong(*given):
        loss, slope = loss_and_slope(*given)
        return loss, slope * (1 + 1e-3 * np.eye(5)[axis])

    with pytest.raises(AssertionError):
        check_slope(wrong)


def test_the_numbers_are_a_function_of_the_observations():
    """Also of a model that was fitted to others before."""
    first, used = Surrogate(OPTIONS), Surrogate(OPTIONS)
    for other in (some(30, seed=4), some(9, seed=5)):
        fit(used, other)
    for model in (first, used):
        fit(model, some())
    assert np.array_equal(first.theta, used.theta)
    assert np.array_equal(*(np.array(model.predict(some(5, seed=2).x_ND, 2)) for model in (first, used)))


def test_a_setting_without_effect_gets_a_longer_length():
    rng = np.random.default_rng(0)
    x_ND = rng.random((60, 2))
    model = Surrogate(np.zeros(2, int))
    fit(model, Observed(x_ND, np.zeros(60, int), scores(np.sin(9 * x_ND[:, 0]))))
    assert model.theta[1] > model.theta[0] + 1


def test_noise_is_told_from_signal():
    rng = np.random.default_rng(0)
    x_ND = rng.random((60, 1))
    shares = []
    for noise in (0.0, 1.0):
        model = Surrogate(np.zeros(1, int))
        y_N = -((x_ND[:, 0] - 0.3) ** 2) * 4 + noise * rng.normal(size=60)
        fit(model, Observed(x_ND, np.zeros(60, int), scores(y_N)))
        shares.append(math.exp(model.theta[-2]))
    assert shares[0] < 0.05
    assert shares[1] > 0.2


def test_rungs_that_agree_are_trusted_and_those_that_do_not_are_not():
    rng = np.random.default_rng(0)
    x_ND, apart = rng.random((40, 1)), []
    for late in (x_ND[:, 0], 1 - x_ND[:, 0]):
        model = Surrogate(np.zeros(1, int))
        rung_N = np.repeat([0, 1], 40)
        fit(model, Observed(np.vstack([x_ND, x_ND]), rung_N, scores(np.append(x_ND[:, 0], late))))
        apart.append(1 / (1 + math.exp(-model.theta[-1])))
    assert apart[0] > 0.9
    assert apart[1] < 0.6


def test_what_is_believed_makes_certain_and_leaves_the_numbers():
    model, x_D = Surrogate(OPTIONS), some(2, seed=8).x_ND[:1]
    fit(model, some())
    theta, (mean, sd) = model.theta, model.predict(x_D, 2)
    model.add(Observed(x_D, np.array([2]), mean))
    again, less = model.predict(x_D, 2)
    assert again == pytest.approx(mean, abs=1e-6)
    assert less < 0.8 * sd
    assert model.theta is theta


def test_observations_that_are_added_count_as_if_they_had_been_there_from_the_start():
    data, x_CD = some(40, seed=5), some(7, seed=6).x_ND
    whole, grown = fit(Surrogate(OPTIONS), data), fit(Surrogate(OPTIONS), data)
    grown.condition(Observed(*(part[:25] for part in data)))
    grown.add(Observed(*(part[25:38] for part in data)))
    grown.add(Observed(*(part[38:] for part in data)))
    for rung in (0, 2):
        assert np.array(grown.predict(x_CD, rung)) == pytest.approx(np.array(whole.predict(x_CD, rung)), rel=1e-9)


def test_a_fit_serves_until_the_settled_trials_have_grown_by_a_seventh():
    counts = [num_settled(num) for num in range(1, 2000)]
    assert counts == sorted(counts)
    assert all(0.7 * num <= settled <= num for num, settled in enumerate(counts, 1) if num > 60)
    assert len(set(counts[200:])) < 20


# --------------------------------------------------------------------------------------------- observations


@given(st.lists(st.sampled_from([-math.inf, -3.0, -1.0, 0.5, 2.0, 7.0]), min_size=1, max_size=30))
def test_scores_rise_with_the_utility_and_are_flat_among_the_worst(values):
    u_N = np.array(values)
    found = scores(u_N)
    assert (np.diff(found[np.argsort(u_N, kind="stable")]) >= 0).all()
    assert np.isfinite(found).all()
    known = u_N[np.isfinite(u_N)]
    if len(known):
        assert len(set(found[u_N <= np.quantile(known, surrogate.WORST)])) <= 1
        assert found[u_N == known.max()].max() == found.max()


def test_scores_keep_how_far_the_good_ones_are_apart_whatever_the_unit():
    u_N = np.array([0.0, 1.0, 2.0, 3.0, 7.0, 8.0, -50.0])
    for found in (scores(u_N), scores(1000 * u_N - 5)):
        assert found == pytest.approx(scores(u_N))
        assert (found[5] - found[4]) / (found[4] - found[3]) == pytest.approx(1 / 4)
        assert found.std() == pytest.approx(1)


def test_every_score_at_every_rung_is_observed_and_a_diverged_trial_is_among_the_worst():
    trials = (
        make_trial(0, {}, (1.0, 0.9, 0.8), status="finished"),
        make_trial(1, {"lr": 3e-4}, (0.5,)),
        make_trial(2, {"lr": 1e-2}, status="diverged"),
        make_trial(3, {"lr": 1e-4}, status="running"),
    )
    history = msgspec.structs.replace(make_history(SPACES["mixed"], 0), trials=trials)
    told = observed(table_of(history))
    assert sorted(told.rung_N.tolist()) == [0, 0, 0, 1, 1, 2, 2], "diverged is known at the rungs above too"
    diverged = SPACES["mixed"].encode({"lr": 1e-2})[0]
    assert told.y_N[told.x_ND[:, 0] == diverged].tolist() == [told.y_N.min()] * 3
    assert told.y_N.argmax() == np.flatnonzero(told.x_ND[:, 0] == SPACES["mixed"].encode({"lr": 3e-4})[0])[0]


def test_what_trials_gain_on_the_way_is_taken_off_before_rungs_are_compared():
    """All lose 0.4 from rung to rung: a trial's rank does not depend on how far it came."""
    curves = [(s, s - 0.4, s - 0.8)[: 1 + i % 3] for i, s in enumerate(np.random.default_rng(0).random(30))]
    trials = tuple(make_trial(i, {"lr": 1e-4 * 1.1**i}, s, status="finished") for i, s in enumerate(curves))
    table = table_of(msgspec.structs.replace(make_history(SPACES["mixed"], 0), trials=trials))
    told = observed(table)
    scores_of: dict[float, set[float]] = {}
    for lr, y in zip(told.x_ND[:, 0], told.y_N, strict=True):
        scores_of.setdefault(float(lr), set()).add(round(float(y), 9))
    assert len(scores_of) == 30
    assert all(len(found) == 1 for found in scores_of.values())
    best = table.unit_ND[table.utility_NK[:, 0].argmax(), 0]
    assert max(scores_of, key=lambda lr: max(scores_of[lr])) == best


def test_of_many_observations_those_of_the_highest_rungs_are_kept():
    history = make_history(SPACES["mixed"], 400)
    told, table = observed(table_of(history)), table_of(history)
    assert len(told.y_N) == MOST
    for rung in (1, 2):
        known = int((~np.isnan(table.utility_NK[:, rung])).sum())
        assert (told.rung_N == rung).sum() == min(known, MOST - int((told.rung_N > rung).sum()))


def test_numbers_are_fitted_to_few_of_many(monkeypatch):
    """A step of the fit takes a time that grows with the cube of its observations."""
    sizes, real = [], surrogate.loss_and_slope
    monkeypatch.setattr(surrogate, "loss_and_slope", lambda *a: sizes.append(len(a[-1])) or real(*a))
    rng = np.random.default_rng(0)
    model = Surrogate(np.zeros(2, int))
    fit(model, Observed(rng.random((MOST, 2)), rng.integers(0, 3, MOST), scores(rng.random(MOST))))
    assert set(sizes) == {surrogate.MOST_FITTED}
    assert len(sizes) <= 2 * surrogate.FIT_STEPS
