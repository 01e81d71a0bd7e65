"""The mode vmap of the JAX engine: what the contract does not ask. Skipped with test_jax where JAX is missing."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pytest

from luthier.errors import Unsupported
from luthier.recipe import Recipe
from luthier.training.modes import difference

from .test_jax import CLASSES, ENTROPY, INPUTS, MLP, ROWS, JaxEngine, TwoDropouts, data, engine, jax, nnx, plan

__all__ = ["data", "engine"]  # fixtures
ADAMW = Recipe(lr=0.01)
SGD = Recipe("sgd", lr=0.05)


def run(engine: JaxEngine, recipes: list[Recipe], placed: Any, *, mode: str = "vmap", build: Any = MLP) -> Any:
    """(snapshots, curves) of a chunk in which slot 1 stops early."""
    population = engine.open(build, recipes[0], ENTROPY, mode, len(recipes))
    state = population.stack([population.fresh(recipe, seed) for seed, recipe in enumerate(recipes)])
    steps = [8, 3, *[8] * (len(recipes) - 2)]
    state, curves = population.advance(state, placed, plan(recipes, steps=steps))
    return [population.take(state, p) for p in range(len(recipes))], curves


def test_it_equals_the_reference(engine: JaxEngine, data: Any) -> None:
    """Loss, gradients and buffers of three trials with rates of their own, by the probe that chooses modes."""
    recipes = [Recipe(model={"dropout": rate}) for rate in (0.1, 0.3, 0.5)]
    reference, mapped = (engine.open(MLP, recipes[0], ENTROPY, mode, P) for mode, P in (("scan", 1), ("vmap", 4)))
    assert difference(reference, mapped, data, recipes, rows=np.arange(ROWS)) is None


def test_slots_draw_the_masks_of_the_loop(engine: JaxEngine, data: Any) -> None:
    """Two dropouts of a half and weights that stay: every step's loss is that of the reference, to rounding."""
    recipes = [Recipe("gd", lr=1e-30, weight_decay=0.0)] * 4
    (_, one), (_, other) = (run(engine, recipes, data, mode=mode, build=TwoDropouts) for mode in ("scan", "vmap"))
    np.testing.assert_allclose(other["loss"], one["loss"], rtol=1e-6)
    assert len(np.unique(one["loss"][:3])) == 3 * 4  # no two steps or slots share a mask


def test_numbers_are_data(data: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Another learning rate, seed, schedule, dropout rate, number of steps, or another trial in a slot compiles
    nothing; another width does, and a rule compiles its own part only."""
    engine = JaxEngine(INPUTS, CLASSES)
    population = engine.open(MLP, ADAMW, ENTROPY, "vmap", 3)
    kept: list[Any] = [population.stack([population.fresh(ADAMW, seed) for seed in range(3)])]

    def compiled(
        recipes: list[Recipe], steps: list[int], *, put: Recipe | None = None, num_steps: int = 8
    ) -> list[str]:
        if put is not None:
            kept[0] = population.put(kept[0], 1, population.fresh(put, 9))
        caplog.clear()
        with jax.log_compiles(), caplog.at_level(logging.WARNING):
            chunk = plan(recipes, num_steps=num_steps, steps=steps)
            chunk.hparams["lr"][:] *= np.linspace(1, 0.1, num_steps, dtype=np.float32)[:, None, None]
            kept[0], _ = population.advance(kept[0], data, chunk)
        said = [message for message in caplog.messages if "Finished XLA compilation of" in message]
        return [message.partition("jit(")[2].partition(")")[0] for message in said]

    assert {"_find", "_move"} <= set(compiled([ADAMW] * 3, [8] * 3))
    assert compiled([Recipe(lr=0.1, weight_decay=0.3)] * 3, [2, 0, 5], num_steps=5) == []
    dropped = Recipe(model={"dropout": 0.4})
    assert compiled([ADAMW, dropped, ADAMW], [8] * 3, put=dropped) == []
    assert "_find" not in compiled([ADAMW, SGD, ADAMW], [8] * 3, put=SGD)
    assert compiled([ADAMW, SGD, ADAMW], [1, 4, 0]) == []


def test_a_trial_of_another_rule_takes_a_slot(engine: JaxEngine, data: Any) -> None:
    """It keeps what its rule keeps, and nothing of the trial before it; the others go on bit for bit."""
    (alone, *_), _ = run(engine, [ADAMW] * 3, data)
    population = engine.open(MLP, ADAMW, ENTROPY, "vmap", 3)
    state = population.stack([population.fresh(ADAMW, seed) for seed in range(3)])
    state, _ = population.advance(state, data, plan([ADAMW] * 3, num_steps=3))
    newcomer = population.fresh(SGD, 7)
    state = population.put(state, 1, newcomer)
    assert all(np.array_equal(population.take(state, 1)[name], value) for name, value in newcomer.items())
    state, _ = population.advance(state, data, plan([ADAMW, SGD, ADAMW], start=3, num_steps=5))
    after = population.take(state, 1)
    assert after.keys() == newcomer.keys()
    assert after["step"] == 5
    assert all(np.array_equal(population.take(state, 0)[name], value) for name, value in alone.items())


def test_settings_beside_the_rule_differ_between_slots(engine: JaxEngine, data: Any) -> None:
    """SAM beside averaged weights with a penalty: each curve is the reference's."""
    recipes = [Recipe(lr=0.01, sam_rho=0.1), Recipe(lr=0.01, ema_decay=0.9, l2=0.1)]
    (truth, curves), (found, others) = (run(engine, recipes, data, mode=mode) for mode in ("scan", "vmap"))
    for name, curve in curves.items():
        np.testing.assert_allclose(others[name], curve, rtol=1e-4)
    assert [set(snapshot) for snapshot in found] == [set(snapshot) for snapshot in truth]


def test_a_model_that_can_not_be_mapped_is_refused(engine: JaxEngine, data: Any) -> None:
    """In words, with the mend, before any slot has moved; the reference trains it."""

    class Calls(nnx.Module):
        def __init__(self, inputs: int, outputs: int, rngs: Any) -> None:
            self.linear = nnx.Linear(inputs, outputs, rngs=rngs)

        def __call__(self, x: Any) -> Any:
            shown = jax.lax.stop_gradient(x)
            twice = jax.pure_callback(lambda a: 2 * np.asarray(a), jax.ShapeDtypeStruct(x.shape, x.dtype), shown)
            return self.linear(twice)

    population = engine.open(Calls, ADAMW, ENTROPY, "vmap", 2)
    start = [population.fresh(ADAMW, seed) for seed in range(2)]
    state = population.stack(start)
    with pytest.raises(Unsupported, match=r"mode 'vmap' can not take this model: .*vmap_method"):
        population.advance(state, data, plan([ADAMW] * 2))
    for p, snapshot in enumerate(start):
        assert all(np.array_equal(population.take(state, p)[name], value) for name, value in snapshot.items())
    assert np.isfinite(run(engine, [ADAMW] * 2, data, mode="scan", build=Calls)[1]["loss"][0]).all()


def test_a_slot_that_depends_on_its_place_is_noticed(engine: JaxEngine, data: Any) -> None:
    """A twin whose kernel rounds in another way in every slot."""

    @jax.custom_batching.custom_vmap
    def same(x: Any) -> Any:
        return x

    @same.def_vmap
    def _(axis_size: int, in_batched: Any, x: Any) -> Any:
        places = jax.numpy.arange(axis_size, dtype=x.dtype).reshape(-1, *[1] * (x.ndim - 1))
        return x * (1 + 1e-6 * places), True

    class Placed(nnx.Module):
        def __init__(self, inputs: int, outputs: int, rngs: Any) -> None:
            self.linear = nnx.Linear(inputs, outputs, rngs=rngs)

        def __call__(self, x: Any) -> Any:
            return self.linear(same(x))

    population = engine.open(Placed, ADAMW, ENTROPY, "vmap", 2)
    state = population.stack([population.fresh(ADAMW, seed) for seed in range(2)])
    with pytest.raises(Unsupported, match="another slot"):
        population.advance(state, data, plan([ADAMW] * 2))
