"""Optimizers of optax in the JAX engine: its own steps, per slot and over pauses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engines.outsiders import SOURCE, assert_pause_changes_no_bit, batches, rates, recipe_of, trained
from luthier.engines.outside import register
from luthier.engines.serial import population
from luthier.errors import InvalidInput, LuthierError, MissingExtra
from luthier.recipe import Recipe

jax = pytest.importorskip("jax")
nnx = pytest.importorskip("flax.nnx")
optax = pytest.importorskip("optax")
ENGINE = pytest.importorskip("luthier.engines.jax").JaxEngine(inputs=6, outputs=3)


class Net(nnx.Module):
    """One hidden layer."""

    def __init__(self, inputs: int, outputs: int, rngs: Any) -> None:
        self.first, self.head = nnx.Linear(inputs, 8, rngs=rngs), nnx.Linear(8, outputs, rngs=rngs)

    def __call__(self, x: Any) -> Any:
        return self.head(nnx.relu(self.first(x)))


CHAIN = optax.chain(optax.clip_by_global_norm(0.2), optax.adam(0.02))
MASK = {"first.kernel": True, "first.bias": False, "head.kernel": True, "head.bias": False}


def clipped(lr: float, limit: float = 0.2) -> Any:
    return optax.chain(optax.clip_by_global_norm(limit), optax.sgd(lr, momentum=0.9))


CASES = {
    "adabelief": ("optax.adabelief", {}, lambda lr: optax.adabelief(lr, b1=0.9)),
    "lion with decay": ("optax.lion", {"weight_decay": 0.3}, lambda lr: optax.lion(lr, weight_decay=0.3, mask=MASK)),
    "lion without": ("optax.lion", {}, lambda lr: optax.lion(lr, weight_decay=0.0)),
    "options": ("optax.adamax", {"optimizer_options": {"b1": 0.5}}, lambda lr: optax.adamax(lr, b1=0.5)),
    "it asks for the loss": ("optax.polyak_sgd", {}, None),
    "a function": (clipped, {"optimizer_options": {"limit": 0.1}}, lambda lr: clipped(lr, 0.1)),
    "a chain": (CHAIN, {"lr": 1.0}, None),
    "a function without a rate": (lambda: CHAIN, {"lr": 1.0}, None),
}


def by_hand(recipe: Recipe, start: dict[str, Any], make: Any) -> dict[str, Any]:
    """The weights after a loop with optax.inject_hyperparams, or with scaled updates where nothing is told."""
    weights = {name.removeprefix("weights/"): v for name, v in start.items() if name.startswith("weights/")}

    def loss(w: dict[str, Any], rows: Any) -> Any:
        x = jax.nn.relu(SOURCE.inputs[rows] @ w["first.kernel"] + w["first.bias"])
        z = x @ w["head.kernel"] + w["head.bias"]
        return optax.softmax_cross_entropy_with_integer_labels(z, SOURCE.targets[rows]).mean()

    optimizer = optax.with_extra_args_support(CHAIN if make is None else optax.inject_hyperparams(make)(lr=0.0))
    if recipe.optimizer == "optax.polyak_sgd":
        optimizer = optax.inject_hyperparams(optax.polyak_sgd)(scaling=1.0)
    state = optimizer.init(weights)
    for rows, lr in zip(batches(recipe), rates(recipe.lr), strict=True):
        if make is not None:
            state.hyperparams["lr"] = np.float32(lr)
        value, grads = jax.value_and_grad(loss)(weights, rows)
        updates, state = optimizer.update(grads, state, weights, value=value)
        if make is None:
            updates = {name: np.float32(lr) * update for name, update in updates.items()}
        weights = optax.apply_updates(weights, updates)
    return weights


@pytest.mark.parametrize("case", CASES)
def test_steps_are_those_of_optax(case: str) -> None:
    """20 steps with the scheduled rate, decay on the matrices only, its own options; in one mode or the other."""
    made, settings, reference = CASES[case]
    recipe = recipe_of(made if isinstance(made, str) else register(made), **settings)
    start, end = trained(ENGINE, Net, recipe, mode=ENGINE.modes()[list(CASES).index(case) % 2])
    for name, value in by_hand(recipe, start, reference).items():
        np.testing.assert_allclose(end[f"weights/{name}"], value, rtol=1e-5, atol=1e-6, err_msg=name)


@pytest.mark.parametrize(("made", "mode"), [("optax.adabelief", "scan"), ("optax.lion", "step"), (CHAIN, "scan")])
def test_pause_and_neighbours_change_no_bit(made: Any, mode: str) -> None:
    """Counters and moments, whatever they are called."""
    recipe = recipe_of(made if isinstance(made, str) else register(made), weight_decay=0.1)
    assert_pause_changes_no_bit(ENGINE, Net, recipe, mode=mode)


def test_a_state_that_is_not_restored_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The wrong twin: a snapshot is read without what the optimizer keeps."""

    def forgetful(snapshot: Any, array: Any) -> Any:
        slot = from_snapshot(snapshot, array)
        empty = {name: 0 * value for name, value in slot.arrays.foreign.items()}
        return slot._replace(arrays=slot.arrays._replace(foreign=empty))

    from_snapshot = population.from_snapshot
    monkeypatch.setattr(population, "from_snapshot", forgetful)
    with pytest.raises(AssertionError):
        assert_pause_changes_no_bit(ENGINE, Net, recipe_of("optax.adabelief"), mode="step")


def test_averages_of_the_weights_go_with_it() -> None:
    """An average is luthier's, whoever moves the weights."""
    _, end = trained(ENGINE, Net, recipe_of("optax.lion", ema_decay=0.9))
    assert not np.array_equal(end["optimizer/average/head.kernel"], end["weights/head.kernel"])


WRONG = {
    "torch.optim.Adam": "an optimizer of optax",
    "keras.optimizers.Adam": "an optimizer of optax",
    "optax.nosuch": "nosuch",
    "optax.lbfgs": "value_fn",
    "optax.contrib.schedule_free_adamw": "schedule_free",
    "optax.linear_schedule": "nobody gives",
    "numpy.float64": "GradientTransformation",
    "nowhere_to_be_found.lion": "nowhere_to_be_found",
}


@pytest.mark.parametrize("name", WRONG)
def test_what_can_not_train_is_named_before_anything_trains(name: str) -> None:
    """With the mend."""
    with pytest.raises(LuthierError, match=WRONG[name]) as caught:
        trained(ENGINE, Net, recipe_of(name))
    assert isinstance(caught.value, InvalidInput | MissingExtra)
