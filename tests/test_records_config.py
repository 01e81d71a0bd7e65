"""`Recipe.with_config`: which name of a configuration changes what."""

from __future__ import annotations

import pytest

from luthier.errors import InvalidInput
from luthier.groups import number_of
from luthier.recipe import OPTIMIZERS, Recipe


def test_a_setting_of_the_chosen_optimizer_changes_the_recipe():
    recipe = Recipe().with_config({"sgd.lr": 0.3, "sgd.one_minus_momentum": 0.05, "optimizer": "sgd"})
    assert (recipe.optimizer, recipe.lr, recipe.momentum) == ("sgd", 0.3, 0.95)


def test_a_setting_of_another_optimizer_changes_nothing():
    config = {"optimizer": "adamw", "adamw.lr": 0.002, "sgd.lr": 0.3}
    assert Recipe().with_config(config) == Recipe(lr=0.002)
    assert Recipe().with_config(dict(reversed(config.items()))) == Recipe(lr=0.002)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_the_recipes_own_optimizer_counts_where_the_config_names_none(optimizer):
    assert Recipe(optimizer).with_config({f"{optimizer}.lr": 0.5}).lr == 0.5


def test_a_prefixed_value_is_held_to_the_legal_range():
    with pytest.raises(InvalidInput, match="lr"):
        Recipe("sgd").with_config({"sgd.lr": -1.0})


def test_an_unprefixed_name_means_what_it_did():
    recipe = Recipe(model={"width": 1}).with_config(
        {
            "lr": 0.1,
            "one_minus_beta1": 0.25,
            "width": 8,
            "model.depth": 3,
            "sgd": 4,
            "prepare_scale": "robust",
        }
    )
    assert (recipe.lr, recipe.beta1, recipe.preparation) == (0.1, 0.75, {"scale": "robust"})
    assert recipe.model == {"width": 8, "depth": 3, "sgd": 4}


BACKBONE = Recipe(lr=0.1, groups={"backbone": {"lr_factor": 0.1}, "encoder.layers.0": {}})


def test_a_dotted_name_changes_a_parameter_group():
    config = {"backbone.weight_decay": 0.2, "encoder.layers.0.one_minus_beta1": 0.25, "head.lr": 1e-3, "model.lr": 4}
    recipe = BACKBONE.with_config(config)
    assert recipe.groups == {
        "backbone": {"lr_factor": 0.1, "weight_decay": 0.2},
        "encoder.layers.0": {"beta1": 0.75},
        "head": {"lr": 1e-3},
    }
    assert recipe.model == {"lr": 4}
    assert BACKBONE.groups["backbone"] == {"lr_factor": 0.1}


def test_a_rate_and_a_factor_of_it_take_each_others_place():
    fixed = BACKBONE.with_config({"backbone.lr": 0.5})
    assert fixed.groups["backbone"] == {"lr": 0.5}
    assert fixed.with_config({"backbone.lr_factor": 0.0}).groups["backbone"] == {"lr_factor": 0.0}


def test_a_setting_of_an_optimizer_may_be_one_of_a_group():
    config = {"sgd.backbone.lr": 0.5}
    assert BACKBONE.with_config(config) == BACKBONE
    assert BACKBONE.with_config({**config, "optimizer": "sgd"}).groups["backbone"] == {"lr": 0.5}


@pytest.mark.parametrize(
    ("groups", "says"),
    [
        ({"backbone": {"epochs": 3}}, "lr_factor, weight_decay"),
        ({"backbone": {"lr": 0.0}}, "0 < lr"),
        ({"backbone": {"lr_factor": -1.0}}, "0 <= lr_factor"),
        ({"backbone": {"lr_factor": 1.0, "lr": 1.0}}, "one of them"),
        ({"no_decay": {"clip_norm": 1.0}}, "clip_value`"),
    ],
)
def test_what_a_group_can_not_have_is_refused_in_words(groups, says):
    with pytest.raises(InvalidInput, match=says):
        Recipe(groups=groups)


def test_numbers_of_a_group_are_told_whether_said_or_not():
    told = {
        name: number_of(BACKBONE, "backbone", name) for name in ("lr", "lr_factor", "one_minus_beta1", "clip_norm")
    }
    assert told == {"lr": pytest.approx(0.01), "lr_factor": 0.1, "one_minus_beta1": 0.1, "clip_norm": None}
    assert number_of(Recipe(lr=0.1, groups={"head": {"lr": 0.05}}), "head", "lr_factor") == 0.5
    assert number_of(Recipe(groups={}), "no_decay", "weight_decay") == 0.0
    assert Recipe().with_config({"head.lr": 0.5}).differs(Recipe()) == {"head.lr": (0.5, None)}
