"""The boundary test: its power and its false alarms as promised, and what follows from an edge.

Simulated rates have 100 studies a cell: a bound that allows for chance is the promised rate beyond which the
Clopper-Pearson interval (99.9 %, one-sided) of the observed count excludes it.
"""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier import stats
from luthier.playbook import boundaries
from luthier.recipe import LEGAL
from luthier.space import Choice, Float, Int, Space

from . import edge_studies as simulated
from .histories import history, scored

SURE = 0.999


def at_most(hits: int, promised: float, n: int = 100) -> bool:
    return stats.binomial_lower(hits, n, SURE) <= promised


def at_least(hits: int, promised: float, n: int = 100) -> bool:
    return stats.binomial_upper(hits, n, SURE) >= promised


# ------------------------------------------------------------------------------------------------ simulation


@pytest.mark.parametrize(
    ("shape", "c", "n", "power"),
    [
        ("quad", 1.0, 20, 0.90),
        ("quad", 1.3, 20, 0.98),
        ("weak", 1.3, 20, 0.85),
        ("abs", 1.0, 20, 0.98),
        ("cliff", 1.0, 20, 0.95),
        ("weak", 1.0, 40, 0.62),
        ("weak", 1.3, 40, 0.98),
        ("diverging", 1.0, 20, 0.98),
    ],
)
def test_an_optimum_at_or_beyond_the_edge_is_found(shape, c, n, power):
    assert at_least(simulated.rate(simulated.real, shape, c, n), power)


@pytest.mark.parametrize(
    ("shape", "c", "n", "promised"),
    [
        ("flat", 0.0, 20, 0.02),
        ("quad", 0.5, 20, 0.02),
        ("abs", 0.5, 40, 0.02),
        ("cliff", 0.5, 20, 0.02),
        ("abs", 0.75, 20, 0.10),
        ("quad", 0.85, 20, 0.10),
        ("diverging", 0.5, 40, 0.02),
        ("diverging", 0.85, 40, 0.02),
    ],
)
def test_an_optimum_inside_seldom_raises_an_alarm(shape, c, n, promised):
    assert at_most(simulated.rate(simulated.real, shape, c, n), promised)


def test_pure_noise_seldom_raises_an_alarm_in_any_of_five_settings():
    assert at_most(simulated.rate(simulated.real, "noise", 0, 40, any_dim=True), 0.05)


def test_the_false_alarm_promise_fails_without_the_f_gate():
    assert not at_most(simulated.rate(simulated.without_gate, "noise", 0, 40, any_dim=True), 0.05)


def test_the_false_alarm_promise_fails_with_diverged_trials_removed():
    assert not at_most(simulated.rate(simulated.diverged_removed, "diverging", 0.85, 40), 0.02)


# --------------------------------------------------------------------------------------- on a whole history

LR = Float(1e-4, 1e-2, log=True)


def climb(n: int, space: Space, name: str, **recipe):
    """A history whose score rises along one setting, with a little noise."""
    rng = np.random.default_rng(0)
    trials = []
    for i in range(1, n + 1):
        config = space.decode(rng.random(len(space)))
        u = space.domains[name].encode(config[name]) if name in config else 0.5
        trials.append(scored(i, config, u + 0.01 * rng.normal(), **recipe))
    return history(trials)


def find(hist, space, **more):
    return boundaries.find(hist, space, np.random.default_rng(0), **more)


def test_the_edge_is_named_with_its_side_numbers_and_a_wider_range():
    space = Space({"lr": LR, "width": Int(8, 64)})
    edges = find(climb(40, space, "lr"), space)
    (edge,) = edges.boundaries
    assert (edge.name, edge.side, edge.n) == ("lr", "high", 40)
    assert edge.share >= 0.8
    assert edge.p < 0.01
    assert edge.expansion == Float(1e-4, pytest.approx(0.1), log=True)
    (finding,) = edges.findings
    assert (finding.code, finding.number, finding.n) == ("P16", edge.share, 40)
    assert "0.1" in finding.remedy


def test_a_low_edge_is_found_where_the_score_falls():
    space = Space({"lr": LR})
    hist = climb(40, space, "lr")
    falling = history([scored(t.id, t.config, -t.curve[0].score) for t in hist.trials[1:]])
    (edge,) = find(falling, space).boundaries
    assert (edge.side, edge.expansion.low) == ("low", pytest.approx(1e-5))


def test_for_a_loss_smaller_is_better():
    from luthier.records import Metric

    space = Space({"lr": LR})
    hist = climb(40, space, "lr")
    as_loss = history(hist.trials[1:], Metric(name="log_loss", greater_is_better=False))
    assert find(as_loss, space).boundaries[0].side == "low"


def test_the_same_generator_seed_gives_the_same_answer():
    space = Space({"lr": LR, "width": Int(8, 64)})
    hist = climb(30, space, "lr")
    assert find(hist, space) == find(hist, space)


@pytest.mark.parametrize("n", [0, 1, 19])
def test_too_few_trials_are_unknown_not_fine(n):
    space = Space({"lr": LR})
    edges = find(climb(n, space, "lr"), space)
    assert edges.boundaries == ()
    assert edges.findings[0].text.startswith(f"Unknown: {n} complete trials")


def test_many_settings_need_more_trials_than_coefficients():
    space = Space({f"a{i}": Float(0, 1) for i in range(10)})
    assert "the rule needs 26" in find(climb(25, space, "a0"), space).findings[0].text


def test_a_negative_answer_from_few_trials_says_how_little_it_means():
    space = Space({"lr": LR})
    rng = np.random.default_rng(1)
    flat = history([scored(i, space.decode(rng.random(1)), rng.normal()) for i in range(1, 26)])
    assert find(flat, space).findings[0].text.startswith("No edge detected")


def test_equal_scores_raise_no_alarm():
    space = Space({"lr": LR, "width": Int(8, 64)})
    rng = np.random.default_rng(1)
    equal = history([scored(i, space.decode(rng.random(2)), 0.5) for i in range(1, 51)])
    assert find(equal, space) == ((), ())


def test_a_conditional_setting_is_judged_where_it_is_active():
    space = Space(
        {
            "optimizer": Choice(("adamw", "sgd")),
            "sgd.lr": Float(1e-3, 1, log=True, when={"optimizer": ["sgd"]}),
        }
    )
    hist = climb(60, space, "sgd.lr")
    (edge,) = find(hist, space).boundaries
    assert edge.name == "sgd.lr"
    assert edge.n == sum("sgd.lr" in t.config for t in hist.trials) < 45


def test_the_offset_of_an_option_is_not_mistaken_for_an_edge():
    space = Space({"act": Choice(("relu", "gelu", "tanh")), "lr": LR})
    rng = np.random.default_rng(3)
    trials = []
    for i in range(1, 61):
        config = space.decode(rng.random(2))
        bonus = {"relu": 0, "gelu": 1, "tanh": 2}[config["act"]]
        trials.append(scored(i, config, bonus - (LR.encode(config["lr"]) - 0.5) ** 2 + 0.01 * rng.normal()))
    assert find(history(trials), space).boundaries == ()


@pytest.mark.parametrize("domain", [Int(1, 2), Int(1, 3), Choice((1, 2))])
def test_settings_with_few_values_are_fitted_without_harm(domain):
    space = Space({"layers": domain, "lr": LR})
    assert "lr" in [b.name for b in find(climb(40, space, "lr"), space).boundaries]


def test_diverged_trials_count_as_the_worst_feasible():
    space = Space({"lr": LR, "width": Int(8, 64)})
    rng = np.random.default_rng(5)
    trials = []
    for i in range(1, 51):
        config = space.decode(rng.random(2))
        u = LR.encode(config["lr"])
        trials.append(scored(i, config, None if u > 0.7 else u - 1 + 0.01 * rng.normal()))
    assert find(history(trials), space).boundaries == ()


def test_an_edge_of_instability_is_not_widened():
    """Some trials diverge in the outer part, where the best lie too: the score still rises to the edge."""
    space = Space({"lr": LR})
    rng = np.random.default_rng(6)
    trials = []
    for i in range(1, 101):
        config = space.decode(rng.random(1))
        u = LR.encode(config["lr"])
        trials.append(scored(i, config, None if u > 0.9 and rng.random() < 0.35 else u**6 + 0.01 * rng.normal()))
    edges = find(history(trials), space)
    assert [b.expansion for b in edges.boundaries] == [None]
    assert "diverges" in edges.boundaries[0].reason
    assert edges.findings == ()


def test_a_side_is_widened_twice_at_most():
    space = Space({"lr": LR})
    hist = climb(40, space, "lr")
    once = find(hist, space).boundaries
    assert find(hist, space, earlier=once).boundaries[0].expansion is not None
    edges = find(hist, space, earlier=once * 2)
    assert edges.boundaries[0].expansion is None
    assert "2 times already" in edges.findings[0].remedy


def test_trials_can_be_compared_at_a_rung():
    from luthier.records import History, Point

    space = Space({"lr": LR})
    early = [
        t.__class__(**{**{f: getattr(t, f) for f in t.__struct_fields__}, "status": "stopped", "curve": (
            Point(step=100, fraction=0.1, train_loss=1, val_loss=1, score=t.curve[0].score),)})
        for t in climb(40, space, "lr").trials[1:]
    ]  # fmt: skip
    hist = History(metric=history([]).metric, rungs=(0.1, 1.0), trials=tuple(early))
    assert find(hist, space).boundaries == ()
    assert find(hist, space, rung=1).boundaries[0].name == "lr"


def test_sixty_trials_of_eight_settings_take_less_than_50_ms():
    space = Space({f"a{i}": Float(0, 1) for i in range(8)})
    hist = climb(60, space, "a0")
    find(hist, space)
    times = []
    for _ in range(5):
        start = time.perf_counter()
        find(hist, space)
        times.append(time.perf_counter() - start)
    assert min(times) < 0.05


# ------------------------------------------------------------------------------------------------- widening


@pytest.mark.parametrize(
    ("name", "domain", "side", "end"),
    [
        ("lr", Float(1e-4, 1e-2, log=True), "high", 0.1),
        ("sgd.lr", Float(1e-4, 1e-2, log=True), "low", 1e-5),
        ("lr", Float(0.1, 0.2), "high", 0.25),
        ("lr", Float(0.01, 1.0), "low", 0.001),  # may not reach 0
        ("dropout", Float(0.0, 0.8), "high", 0.98),  # may not reach 1
        ("input_dropout", Float(0.0, 0.5), "high", 0.75),
        ("model.dropout", Float(0.0, 0.8), "high", 0.98),
        ("one_minus_beta1", Float(0.02, 0.5, log=True), "high", 1.0),
        ("adamw.one_minus_beta1", Float(0.02, 0.5, log=True), "high", 1.0),
        ("momentum", Float(0.8, 0.99), "high", 0.999),
        ("width", Int(32, 512, log=True), "high", 1024),
        ("width", Int(3, 512, log=True), "low", 1),
        ("layers", Int(2, 5), "high", 7),
        ("layers", Int(2, 8), "low", 1),
        ("skip", Int(0, 4), "high", 6),
        ("shift", Float(-1.0, 1.0), "low", -2.0),
        ("scale", Float(0.5, 4.0), "low", 0.0),
    ],
)
def test_a_range_is_widened_by_a_decade_or_half_its_width_as_far_as_is_legal(name, domain, side, end):
    wider = boundaries.expand(name, domain, side)
    assert getattr(wider, side) == pytest.approx(end)
    other = "low" if side == "high" else "high"
    assert getattr(wider, other) == getattr(domain, other)


@pytest.mark.parametrize(
    ("name", "domain", "side"),
    [
        ("dropout", Float(0.0, 0.5), "low"),
        ("one_minus_beta1", Float(0.02, 1.0, log=True), "high"),
        ("layers", Int(1, 4), "low"),
        ("skip", Int(0, 4), "low"),
        ("activation", Choice(("relu", "gelu")), "high"),
    ],
)
def test_what_is_as_wide_as_it_may_be_stays(name, domain, side):
    assert boundaries.expand(name, domain, side) is None


@given(
    st.sampled_from([*LEGAL, "gain", "blocks"]),
    st.floats(1e-6, 0.4),
    st.floats(0.41, 0.99),
    st.booleans(),
    st.sampled_from(["low", "high"]),
)
def test_a_widened_range_is_wider_and_legal(name, low, high, log, side):
    domain = Float(low, high, log=log)
    wider = boundaries.expand(name, domain, side)
    if wider is not None:
        assert wider.low < low or wider.high > high
        assert wider.low <= low
        assert wider.high >= high
        legal = LEGAL.get(name)
        if legal and legal.low <= low:
            assert legal.allows(wider.low)
            assert legal.allows(wider.high)
        Space({name: wider})
        assert math.isfinite(wider.high)
