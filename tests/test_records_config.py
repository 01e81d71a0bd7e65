"""`Recipe.with_config`: which name of a configuration changes what."""

from __future__ import annotations

import pytest

from luthier.errors import InvalidInput
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
