"""Optimizers of a library, by name: the library's own steps, per slot and over pauses."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from luthier.engines.conformance.bench import Bench, assert_bit_equal, weights
from luthier.engines.spec import Loss, Source
from luthier.engines.torch import TorchEngine
from luthier.errors import InvalidInput, Unsupported
from luthier.recipe import Recipe
from luthier.training.batches import Course, make_plan

ENGINE = TorchEngine(inputs=6, outputs=3)
RNG = np.random.default_rng(0)
SOURCE = Source(RNG.normal(size=(60, 6)).astype(np.float32), RNG.integers(0, 3, 60))
NAMES = ("torch.optim.RAdam", "torch.optim.NAdam", "torch.optim.Adadelta", "torch.optim.ASGD", "torch.optim.Rprop")


def net(inputs: int, outputs: int) -> torch.nn.Module:
    return torch.nn.Sequential(torch.nn.Linear(inputs, 8), torch.nn.ReLU(), torch.nn.Linear(8, outputs))


def bench(recipe: Recipe, P: int = 1) -> Bench:
    population = ENGINE.open(net, recipe, Loss("cross_entropy"), "loop", P)
    return Bench(population, ENGINE.place(SOURCE), 60)


def course(recipe: Recipe, seed: int, step: int, take: int) -> Course:
    return Course(recipe, seed, np.arange(60), 12, step, take)


@pytest.mark.parametrize("name", NAMES)
def test_steps_are_those_of_the_library(name: str) -> None:
    """With the scheduled rate, and its own arguments."""
    recipe = Recipe(optimizer=name, lr=0.01, weight_decay=0.0, batch_size=16, schedule="linear", warmup=0.0)
    here = bench(recipe)
    start = here.population.fresh(recipe, 1)
    state, out = here.go(here.population.stack([start]), make_plan([course(recipe, 1, 0, 12)], 12))
    model = net(6, 3)
    with torch.no_grad():
        for key, param in model.named_parameters():
            param.copy_(torch.from_numpy(start[f"weights/{key}"]))
    optimizer = getattr(torch.optim, name.rpartition(".")[2])(model.parameters(), lr=0.01)
    inputs, targets = torch.from_numpy(SOURCE.inputs), torch.from_numpy(SOURCE.targets)
    for s, rows in enumerate(make_plan([course(recipe, 1, 0, 12)], 12).rows[:, 0]):
        optimizer.param_groups[0]["lr"] = 0.01 * (1 - s / 12)
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(inputs[rows]), targets[rows]).backward()
        optimizer.step()
    for key, param in model.named_parameters():
        np.testing.assert_allclose(
            weights(here.population.take(state, 0))[key], param.detach().numpy(), rtol=1e-4, atol=1e-6
        )
    assert np.isfinite(out["loss"]).all()


@pytest.mark.parametrize("name", NAMES)
def test_pause_and_neighbours_change_no_bit(name: str) -> None:
    """12 steps alone; and 5 beside another, a snapshot, 7 in a new population."""
    recipe = Recipe(optimizer=name, lr=0.01, batch_size=16)
    one, two = bench(recipe), bench(recipe, 2)
    state, _ = one.go(
        one.population.stack([one.population.fresh(recipe, 1)]), make_plan([course(recipe, 1, 0, 12)], 12)
    )
    straight = one.population.take(state, 0)
    fresh = [two.population.fresh(recipe, seed) for seed in (2, 1)]
    state, _ = two.go(two.population.stack(fresh), make_plan([course(recipe, seed, 0, 5) for seed in (2, 1)], 5))
    state, _ = one.go(one.population.stack([two.population.take(state, 1)]), make_plan([course(recipe, 1, 5, 7)], 7))
    assert_bit_equal(one.population.take(state, 0), straight, name)


def test_options_reach_the_library_and_fused_modes_refuse() -> None:
    """An argument of its own changes the steps; a mode of many slots names the optimizer."""
    recipes = [Recipe(optimizer="torch.optim.RAdam", batch_size=16, optimizer_options=o) for o in ({}, {"eps": 0.1})]
    ends = []
    for recipe in recipes:
        here = bench(recipe)
        state, _ = here.go(
            here.population.stack([here.population.fresh(recipe, 1)]), make_plan([course(recipe, 1, 0, 12)], 12)
        )
        ends.append(here.population.take(state, 0)["weights/0.weight"])
    assert not np.array_equal(*ends)
    assert ENGINE.inspect(net, recipes[0]) != ENGINE.inspect(net, recipes[1])
    with pytest.raises(Unsupported, match="RAdam"):
        ENGINE.open(net, recipes[0], Loss("cross_entropy"), "grouped", 2)


def test_what_can_not_be_imported_is_named() -> None:
    """Before anything is trained."""
    with pytest.raises(InvalidInput, match="NoSuch"):
        bench(Recipe(optimizer="torch.optim.NoSuch"))
