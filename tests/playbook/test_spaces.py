"""Default spaces: by number of trials, around the baseline, never the seed or the batch size."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.errors import InvalidInput
from luthier.playbook.spaces import combine, default_space, forbidden
from luthier.playbook.wording import setting
from luthier.recipe import OPTIMIZERS, Recipe
from luthier.space import Choice, Float, Int, Space

kinds = st.sampled_from(["binary", "multiclass", "regression"])
budgets = st.floats(0, 1e4)
recipes = st.builds(
    Recipe,
    optimizer=st.sampled_from(OPTIMIZERS),
    lr=st.floats(1e-7, 10),
    weight_decay=st.sampled_from([0.0, 1e-6, 0.1, 2.0]),
    beta1=st.floats(0, 0.999),
    momentum=st.floats(0, 0.999),
    eps=st.sampled_from([1e-12, 1e-8, 1e-2]),
    schedule=st.sampled_from(["constant", "cosine", "wsd"]),
    warmup=st.floats(0, 0.5),
)


@pytest.mark.parametrize(
    ("num_trials", "names"),
    [
        (5, ["lr"]),
        (9.9, ["lr"]),
        (10, ["lr", "one_minus_beta1"]),
        (25, ["lr", "one_minus_beta1", "weight_decay", "label_smoothing"]),
        (
            60,
            [
                "lr",
                "one_minus_beta1",
                "weight_decay",
                "one_minus_beta2",
                "eps",
                "label_smoothing",
                "warmup",
                "schedule",
            ],
        ),
    ],
)
def test_more_trials_tune_more_settings(num_trials, names):
    assert list(default_space("multiclass", num_trials, Recipe())) == names


def test_regression_has_no_label_smoothing():
    assert "label_smoothing" not in default_space("regression", 1e4, Recipe())


def test_sgd_has_a_momentum_and_no_betas():
    names = list(default_space("binary", 60, Recipe("sgd", lr=0.1)))
    assert "one_minus_momentum" in names
    assert not any("beta" in name for name in names)


def test_with_many_trials_each_optimizer_has_settings_of_its_own():
    space = default_space("binary", 200, Recipe())
    assert space.domains["optimizer"] == Choice(("adamw", "sgd"))
    config = space.decode(np.full(len(space), 0.9))
    recipe = Recipe().with_config(config)
    assert recipe.optimizer == "sgd"
    assert recipe.lr == config["sgd.lr"] > 0.1
    assert not any(name.startswith("adamw.") for name in config)


@given(kinds, budgets, recipes, st.data())
def test_every_configuration_makes_a_legal_recipe(kind, num_trials, baseline, data):
    space = default_space(kind, num_trials, baseline)
    u = data.draw(st.lists(st.floats(0, 1), min_size=len(space), max_size=len(space)))
    baseline.with_config(space.decode(np.array(u)))


@given(kinds, budgets, recipes)
def test_the_baselines_learning_rate_lies_within_with_room_on_both_sides(kind, num_trials, baseline):
    space = default_space(kind, num_trials, baseline)
    (domain,) = [d for n, d in space.domains.items() if n in ("lr", f"{baseline.optimizer}.lr")]
    assert domain.low * 3 < baseline.lr < domain.high / 3
    assert domain.high / domain.low < 10**3.51


@given(kinds, budgets, recipes)
def test_a_default_space_never_holds_what_is_forbidden(kind, num_trials, baseline):
    forbidden(default_space(kind, num_trials, baseline))


@given(kinds, budgets, st.floats(1, 100), recipes)
def test_more_trials_never_tune_less(kind, num_trials, times, baseline):
    little = {setting(n) for n in default_space(kind, num_trials, baseline)}
    assert little <= {setting(n) for n in default_space(kind, num_trials * times, baseline)}


@pytest.mark.parametrize(
    ("name", "trap"),
    [
        ("seed", "luck"),
        ("split_seed", "easy validation set"),
        ("batch_size", "throughput"),
        ("model.seed", "luck"),
    ],
)
def test_traps_are_refused_with_the_reason(name, trap):
    with pytest.raises(InvalidInput, match=trap) as caught:
        forbidden(Space({name: Int(1, 40)}))
    assert name in str(caught.value)


def test_what_a_person_names_replaces_every_default_form_of_it():
    many = default_space("binary", 200, Recipe())
    mine = combine(many, Space({"lr": Float(1e-5, 1e-1, log=True), "beta1": Float(0.8, 0.99)}), {})
    assert not {"sgd.lr", "adamw.lr", "adamw.one_minus_beta1"} & set(mine)
    assert {"lr", "beta1", "optimizer", "sgd.weight_decay"} <= set(mine)


def test_one_form_can_be_named_alone():
    many = default_space("binary", 200, Recipe())
    mine = combine(many, Space({"sgd.lr": Float(0.1, 1.0)}), {})
    assert mine.domains["sgd.lr"] == Float(0.1, 1.0, when={"optimizer": ["sgd"]})
    assert "adamw.lr" in mine


def test_a_fixed_optimizer_leaves_its_own_settings_only():
    mine = combine(default_space("binary", 200, Recipe()), Space(), {"optimizer": "sgd", "weight_decay": 0.1})
    assert "sgd.lr" in mine
    assert not any(n.startswith("adamw.") or n in ("optimizer", "sgd.weight_decay") for n in mine)
    assert mine.domains["sgd.lr"].when == {}
