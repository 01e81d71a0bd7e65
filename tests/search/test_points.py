"""Known points: fitted into any space, without repeats and without the baseline."""

from __future__ import annotations

import pytest

from luthier.recipe import Recipe
from luthier.search.conformance import SPACES
from luthier.search.points import POINTS, known_points, settings_of
from luthier.space import Choice, Float, Int, Space

NADAMW = Space(
    {
        "lr": Float(1e-4, 1e-2, log=True),
        "one_minus_beta1": Float(4e-3, 0.5, log=True),
        "beta2": Float(0.5, 0.9999),
        "weight_decay": Float(5e-3, 1.0, log=True),
        "warmup": Float(0.0, 0.2),
        "label_smoothing": Float(0.0, 0.2),
        "dropout": Float(0.0, 0.5),
    }
)


def test_the_five_points_of_algoperf_come_out_as_they_are():
    got = known_points(NADAMW, {})
    assert got == [{name: point[name] for name in NADAMW} for point in POINTS["nadamw"]]


@pytest.mark.parametrize("label", SPACES)
def test_points_lie_in_the_space(label):
    for config in known_points(SPACES[label], {}):
        assert SPACES[label].contains(config)


def test_mirrored_names_hold_the_mirrored_value():
    space = Space({"beta1": Float(0.5, 0.99), "one_minus_beta2": Float(1e-4, 0.5, log=True)})
    first = known_points(space, {})[0]
    assert first == {"beta1": pytest.approx(0.9731), "one_minus_beta2": pytest.approx(0.0019)}


def test_values_are_clamped_and_what_becomes_equal_is_given_once():
    space = Space({"lr": Float(2e-3, 3e-3, log=True)})
    assert known_points(space, {}) == [{"lr": 2e-3}, {"lr": 3e-3}]


def test_a_choice_takes_the_nearest_number():
    space = Space({"label_smoothing": Choice((0.0, 0.15)), "lr": Float(1e-4, 1e-2, log=True)})
    assert {c["label_smoothing"] for c in known_points(space, {})} == {0.0, 0.15}


def test_other_settings_keep_the_baselines_value_where_it_lies_in_the_domain():
    space = Space({"lr": Float(1e-4, 1e-2, log=True), "width": Int(8, 64), "depth": Int(1, 5)})
    for config in known_points(space, {"width": 48, "depth": 9}):
        assert (config["width"], config["depth"]) == (48, 3)


def test_the_baseline_is_not_among_them():
    space = Space({"lr": Float(1e-4, 1e-2, log=True)})
    assert {"lr": 1.308e-3} in known_points(space, {"lr": 1e-3})
    assert {"lr": 1.308e-3} not in known_points(space, {"lr": 1.308e-3})


def test_a_space_without_any_of_their_settings_has_no_known_points():
    assert known_points(Space({"width": Int(8, 64)}), {}) == []


def test_sgd_is_not_given_the_learning_rates_of_adam():
    space = Space({"lr": Float(1e-4, 1.0, log=True)})
    assert [c["lr"] for c in known_points(space, {}, optimizer="sgd")] == [0.1, 0.0286, 0.05]
    assert known_points(space, {}, optimizer="rmsprop") == []


def test_where_the_optimizer_is_a_setting_each_has_its_own_settings():
    points = known_points(SPACES["conditional"], {"optimizer": "sgd"})
    assert [c["optimizer"] for c in points] == ["sgd"] * 3 + ["adamw"] * 4  # two of AlgoPerf's differ in dropout only
    assert set(points[0]) == {"optimizer", "sgd.lr", "sgd.one_minus_momentum"}


def test_the_values_of_a_recipe_are_those_that_would_make_it():
    space = NADAMW.merge(
        {
            "adamw.lr": Float(1e-4, 1e-2),
            "sgd.lr": Float(1e-2, 1.0),
            "prepare_scale": Choice(("none", "robust")),
            "model.width": Int(1, 9),
        }
    )  # a table
    recipe = Recipe("adamw", lr=2e-3, beta1=0.75, preparation={"scale": "robust"}, model={"width": 8})
    config = settings_of(space, recipe, {})
    assert recipe.with_config(config) == recipe
    assert (config["adamw.lr"], config["one_minus_beta1"], config["model.width"]) == (2e-3, 0.25, 8)
    assert "sgd.lr" not in config
    assert "dropout" not in config
