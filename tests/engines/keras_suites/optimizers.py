"""Optimizers of Keras on the backend that it has: the steps of train_on_batch, and pauses that change no bit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras import optimizers

from engines.outsiders import SOURCE, assert_pause_changes_no_bit, batches, rates, recipe_of, trained
from luthier.engines.keras import keras_engine
from luthier.engines.keras.skeleton import Skeleton
from luthier.engines.outside import register
from luthier.errors import InvalidInput, LuthierError
from luthier.recipe import Recipe

ENGINE = keras_engine(inputs=6, outputs=3)
BACKEND = keras.backend.backend()
LAST = [mode for mode in ENGINE.modes() if mode != "vmap"][-1]  # that one trains rules of the rulebook only


def net() -> keras.Model:
    """Two layers."""
    layers = [keras.Input((6,)), keras.layers.Dense(8, activation="relu"), keras.layers.Dense(3)]
    return keras.Sequential(layers)


def with_its_own_rate() -> Any:
    """Takes nothing."""
    return optimizers.SGD(0.05, momentum=0.9)


def with_its_own_schedule() -> Any:
    """Its rate falls by itself; luthier's schedule is a factor."""
    return optimizers.SGD(optimizers.schedules.ExponentialDecay(0.05, 10, 0.5))


def told(lr: float, beta_1: float = 0.5) -> Any:
    """Takes a rate, and does something with it."""
    return optimizers.Adamax(learning_rate=2.0 * lr, beta_1=beta_1)


CASES: dict[str, tuple[Any, dict[str, Any], Callable[[], Any]]] = {
    "Nadam with decay": (
        "keras.optimizers.Nadam",
        {"weight_decay": 0.3},
        lambda: optimizers.Nadam(1.0, weight_decay=0.3),
    ),
    "Ftrl": (
        "keras.optimizers.Ftrl",
        {"optimizer_options": {"initial_accumulator_value": 0.2}},
        lambda: optimizers.Ftrl(1.0, initial_accumulator_value=0.2),
    ),
    "a rate of its own": (with_its_own_rate, {"lr": 1.0}, with_its_own_rate),
    "a function": (told, {}, lambda: told(1.0)),
}


def by_hand(recipe: Recipe, start: dict[str, Any], make: Callable[[], Any]) -> dict[str, Any]:
    """The weights after train_on_batch for each step, the rate assigned before it."""
    model, optimizer = net(), make()
    skeleton = Skeleton(model, 6, lifted=False)
    skeleton.load_({name.removeprefix("weights/"): v for name, v in start.items() if name.startswith("weights/")}, {})
    biases = [v for v in model.trainable_variables if len(v.shape) < 2]
    optimizer.exclude_from_weight_decay(var_list=biases)
    own = float(keras.ops.convert_to_numpy(optimizer.learning_rate))
    model.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    for rows, lr in zip(batches(recipe), rates(recipe.lr), strict=True):
        optimizer.learning_rate.assign(own * lr)
        model.train_on_batch(SOURCE.inputs[rows], SOURCE.targets[rows])
    return dict(skeleton.start().weights)


@pytest.mark.parametrize("case", CASES)
def test_steps_are_those_of_keras(case: str) -> None:
    """20 steps with the scheduled rate, decay on the matrices only, its own options."""
    made, settings, reference = CASES[case]
    recipe = recipe_of(made if isinstance(made, str) else register(made), **settings)
    start, end = trained(ENGINE, net, recipe, mode=LAST if BACKEND == "jax" else ENGINE.modes()[0])
    for name, value in by_hand(recipe, start, reference).items():
        np.testing.assert_allclose(end[f"weights/{name}"], value, rtol=1e-5, atol=2e-6, err_msg=name)


@pytest.mark.parametrize("made", ["keras.optimizers.Nadam", with_its_own_schedule], ids=str)
def test_pause_and_neighbours_change_no_bit(made: Any) -> None:
    """Its variables are its state."""
    recipe = recipe_of(made if isinstance(made, str) else register(made), weight_decay=0.1)
    assert_pause_changes_no_bit(ENGINE, net, recipe, mode=LAST)


def test_a_schedule_of_its_own_is_followed_too() -> None:
    """The factor of the recipe scales its steps."""
    half, whole = (
        trained(ENGINE, net, recipe_of(register(with_its_own_schedule), lr=lr), stops=(1,)) for lr in (1, 2)
    )
    for name in (n for n in half[0] if n.startswith("weights/")):
        np.testing.assert_allclose(
            2 * (half[1][name] - half[0][name]), whole[1][name] - whole[0][name], rtol=1e-3, atol=1e-6
        )


OTHERS = {"tensorflow": ("optax.adam", "torch.optim.Adam"), "jax": ("torch.optim.Adam",), "torch": ("optax.adam",)}
FITTING: dict[str, tuple[str, ...]] = {"tensorflow": (), "jax": ("optax.adabelief",), "torch": ("torch.optim.RAdam",)}


def test_those_of_the_backend_train_and_others_are_refused() -> None:
    """optax on JAX, torch.optim on torch, Keras' own on all; before anything trains."""
    for name in FITTING[BACKEND]:
        start, end = trained(ENGINE, net, recipe_of(name), stops=(3,))
        assert any(not np.array_equal(start[n], end[n]) for n in start if n.startswith("weights/"))
    for name in OTHERS[BACKEND]:
        with pytest.raises(LuthierError, match="an optimizer of keras"):
            trained(ENGINE, net, recipe_of(name))


def test_what_is_no_optimizer_is_refused() -> None:
    """By its type, and with the mend."""
    with pytest.raises(InvalidInput, match="made a Dense"):
        trained(ENGINE, net, recipe_of("keras.layers.Dense", optimizer_options={"units": 3}))
    with pytest.raises(InvalidInput, match=r"lambda: keras\.optimizers"):
        register(optimizers.SGD(0.1))
