"""Backbone and head: groups of the torch engine against a loop that one would write, and between its modes."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from luthier.engines.conformance.bench import Bench, S, Trial, assert_bit_equal
from luthier.engines.spec import Loss, optimizer_numbers
from luthier.errors import InvalidInput, Unsupported
from luthier.recipe import Recipe

from .torch_bench import ENGINE, source

GROUPS = {"backbone": {"lr_factor": 0.1, "clip_norm": 0.05}, "head": {"lr": 0.05, "weight_decay": 0.1}}


class Net(nn.Module):
    """A backbone with BatchNorm, and a head."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.backbone = nn.Sequential(nn.Linear(inputs, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 32))
        self.neck = nn.Linear(32, 32)
        self.head = nn.Linear(32, outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(torch.relu(self.neck(torch.relu(self.backbone(x)))))


class Pretrained(Net):
    """Its backbone comes from elsewhere: the same whatever the seed."""

    def __init__(self, inputs: int, outputs: int, frozen: bool = True) -> None:
        super().__init__(inputs, outputs)
        numbers = np.random.default_rng(0)
        for param in self.backbone.parameters():
            param.data = torch.tensor(numbers.normal(0.0, 0.1, param.shape), dtype=torch.float32)
        self.backbone.requires_grad_(not frozen)


def bench(build: Any, recipe: Recipe, mode: str = "loop", P: int = 1) -> Bench:
    """A population on digits."""
    population = ENGINE.open(build, recipe, Loss("cross_entropy"), mode, P)
    return Bench(population, ENGINE.place(source()), len(source().inputs))


@pytest.mark.parametrize("rule", ["sgd", "adamw"])
def test_groups_are_those_of_the_loop_one_would_write(rule: str) -> None:
    """Rates, decay and clipping, first of the backbone and then of all, in torch's own words: ten equal steps."""
    recipe = Recipe(rule, lr=0.02, weight_decay=0.01, batch_size=16, clip_norm=0.5, groups=GROUPS)
    here, trial = bench(Net, recipe), Trial(recipe, 3)
    start = here.population.fresh(recipe, 3)
    model = Net(64, 10)
    model.load_state_dict(
        {
            name: torch.tensor(start.get(f"weights/{name}", start.get(f"buffers/{name}")))
            for name in model.state_dict()
        }
    )
    rates = {"backbone": 0.002, "neck": 0.02, "head": 0.05}
    groups: list[dict[str, Any]] = []
    for part, lr in rates.items():
        for matrix in (True, False):
            params = [p for p in getattr(model, part).parameters() if (p.ndim >= 2) == matrix]
            decay = (0.1 if part == "head" else 0.01) if matrix else 0.0
            groups.append({"params": params, "lr": lr, "weight_decay": decay})
    optimizer: torch.optim.Optimizer
    if rule == "adamw":
        optimizer = torch.optim.AdamW(groups, eps=recipe.eps)
    else:
        plain = [{**group, "weight_decay": 0.0} for group in groups]
        optimizer = torch.optim.SGD(plain, momentum=recipe.momentum)
    plan, data = here.plan([trial]), source()
    for rows in plan.rows[:, 0]:
        optimizer.zero_grad()
        inputs, targets = torch.from_numpy(data.inputs[rows]).float(), torch.from_numpy(data.targets[rows])
        functional.cross_entropy(model(inputs), targets).backward()
        torch.nn.utils.clip_grad_norm_(model.backbone.parameters(), 0.05)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        if rule == "sgd":
            with torch.no_grad():
                for group in groups:
                    for param in group["params"]:
                        param.mul_(1 - group["lr"] * group["weight_decay"])
        optimizer.step()
    after, _ = here.step_from(start, plan)
    for name, param in model.named_parameters():
        # clip_grad_norm_ adds 1e-6 to the norm, and Adam has directions whose true gradient is rounding noise
        tolerance = 2e-3 if rule == "adamw" and name == "backbone.0.bias" else 2e-5
        np.testing.assert_allclose(after[f"weights/{name}"], param.detach().numpy(), atol=tolerance, err_msg=name)


@pytest.mark.parametrize("mode", ["vmap", "grouped"])
@pytest.mark.parametrize("rule", ["sgd", "adamw", "nadamw"])
def test_fused_modes_train_groups_as_the_loop_does(rule: str, mode: str) -> None:
    """Two trials of other numbers side by side; one has a frozen backbone, which stays bit-equal."""
    one = Recipe(rule, lr=0.01, weight_decay=0.05, batch_size=16, clip_norm=0.5, groups=GROUPS)
    frozen = {**GROUPS, "backbone": {"lr_factor": 0.0}}
    trials = [Trial(one, 1), Trial(msgspec.structs.replace(one, clip_norm=None, groups=frozen), 2)]
    (first, second), out = bench(Net, one, mode, 2).run(trials)
    for trial, found, p in zip(trials, (first, second), (0, 1), strict=True):
        [expected], told = bench(Net, one).run([trial])
        np.testing.assert_allclose(out["loss"][:, p], told["loss"][:, 0], rtol=1e-4)
        np.testing.assert_allclose(out["grad_norm"][:, p], told["grad_norm"][:, 0], rtol=1e-3)
        for name in (n for n in expected if n.startswith("weights/") and n != "weights/backbone.0.bias"):
            np.testing.assert_allclose(found[name], expected[name], atol=1e-4, err_msg=name)
    start = bench(Net, one).population.fresh(trials[1].recipe, 2)
    still = {name: value for name, value in second.items() if name.startswith("weights/backbone")}
    assert_bit_equal(still, {name: start[name] for name in still}, "frozen")
    assert not np.array_equal(second["buffers/backbone.1.running_mean"], start["buffers/backbone.1.running_mean"])


@pytest.mark.parametrize("name", ["clip_value", "l1", "l2", "max_norm"])
def test_what_has_no_fused_form_goes_to_the_loop_with_the_reason(name: str) -> None:
    """Also where only a group asks for it."""
    recipe = Recipe(batch_size=16, groups={"head": {name: 0.1}})
    with pytest.raises(Unsupported, match=name):
        bench(Net, recipe, "grouped", 2)


def test_what_the_builder_has_frozen_stays_so_and_is_shared() -> None:
    """With groups as without: held once for all trials, and never moved."""
    recipe = Recipe(batch_size=16, groups={"head": {"lr_factor": 3.0}})
    here, trials = bench(Pretrained, recipe, "vmap", 2), [Trial(recipe, 1), Trial(recipe, 2)]
    state, _ = here.go(here.fresh(*trials), here.plan(trials))
    assert set(state.shared) == {name for name, p in Pretrained(64, 10).named_parameters() if not p.requires_grad}
    start = here.population.fresh(recipe, 1)
    after = here.population.take(state, 0)
    for name in state.shared:
        assert np.array_equal(after[f"weights/{name}"], start[f"weights/{name}"])
    with pytest.raises(InvalidInput, match="frozen all of them"):
        bench(Pretrained, Recipe(groups={"backbone": {"lr_factor": 0.1}}))


def test_pretrained_weights_are_kept_whatever_the_initialiser() -> None:
    """The head is drawn anew, its bias begins at 0; scales and biases of the backbone too are what was loaded."""
    recipe = Recipe(
        init="orthogonal", zero_init="bias", model={"frozen": False}, groups={"backbone": {"lr_factor": 0.1}}
    )
    start, loaded = bench(Pretrained, recipe).population.fresh(recipe, 1), Pretrained(64, 10)
    for name, param in loaded.named_parameters():
        if name.startswith("backbone"):
            assert np.array_equal(start[f"weights/{name}"], param.detach().numpy())
    np.testing.assert_allclose(np.linalg.svd(start["weights/head.weight"], compute_uv=False), 1.0, rtol=1e-4)
    assert not start["weights/head.bias"].any()


def test_a_frozen_group_is_not_held_within_max_norm() -> None:
    """Else it would move."""
    recipe = Recipe(max_norm=0.1, groups={"backbone": {"lr_factor": 0.0}, "backbone.3": {"lr": 0.1}, "head": {}})
    assert optimizer_numbers(recipe)["max_norm"][::2].tolist() == pytest.approx([0.1, np.inf, 0.1, 0.1])


def test_groups_that_no_trial_has_are_no_part_of_a_plan() -> None:
    """Numbers for other groups than those of the population are refused before anything moves."""
    recipe = Recipe(batch_size=16, groups={"head": {}})
    here = bench(Net, Recipe(batch_size=16))
    state = here.fresh(Trial(Recipe(batch_size=16), 1))
    with pytest.raises(InvalidInput, match="4 groups"):
        here.go(state, here.plan([Trial(recipe, 1)]))
    assert here.plan([Trial(recipe, 1)]).rows.shape[0] == S
