"""Optimizers of one's own on torch, functions of the weights: what they are told, and that they stay as they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch

from engines.outsiders import SOURCE, assert_pause_changes_no_bit, batches, rates, recipe_of, trained
from luthier.engines.outside import found, register
from luthier.engines.spec import Loss
from luthier.engines.torch import TorchEngine, foreign
from luthier.errors import InvalidInput, LuthierError, MissingExtra, Unsupported
from luthier.recipe import Recipe

ENGINE = TorchEngine(inputs=6, outputs=3)


def net(*, inputs: int, outputs: int) -> torch.nn.Module:
    return torch.nn.Sequential(torch.nn.Linear(inputs, 8), torch.nn.ReLU(), torch.nn.Linear(8, outputs))


def groups(params: Iterator[torch.Tensor], lr: float, momentum: float = 0.9) -> torch.optim.Optimizer:
    """Two groups, one with twice the rate; the last bias is left out."""
    weights = list(params)
    matrices, first_bias = [p for p in weights if p.ndim == 2], weights[1]
    made = [{"params": matrices}, {"params": [first_bias], "lr": 2 * lr, "weight_decay": 0.1}]
    return torch.optim.SGD(made, lr=lr, momentum=momentum)


def with_its_own_rate(params: Iterator[torch.Tensor]) -> torch.optim.Optimizer:
    """Takes nothing but the weights."""
    return torch.optim.Adam(params, lr=0.02)


def told_all(params: Iterator[torch.Tensor], lr: float, weight_decay: float) -> torch.optim.Optimizer:
    """Takes both numbers."""
    return torch.optim.AdamW(params, lr=lr, weight_decay=weight_decay)


def by_hand(
    recipe: Recipe, start: dict[str, Any], make: Callable[[Any], torch.optim.Optimizer], lrs: list[float]
) -> dict[str, Any]:
    """The weights after a loop that anyone would write; `lrs` are factors of the optimizer's own."""
    model = net(inputs=6, outputs=3)
    with torch.no_grad():
        for name, param in model.named_parameters():
            param.copy_(torch.from_numpy(start[f"weights/{name}"]))
    optimizer = make(model)
    own = [group["lr"] for group in optimizer.param_groups]
    inputs, targets = torch.from_numpy(SOURCE.inputs), torch.from_numpy(SOURCE.targets)
    for rows, factor in zip(batches(recipe), lrs, strict=True):
        for group, lr in zip(optimizer.param_groups, own, strict=True):
            group["lr"] = factor * lr
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(inputs[rows]), targets[rows]).backward()
        optimizer.step()
    return {f"weights/{name}": param.detach().numpy() for name, param in model.named_parameters()}


def decayed(model: torch.nn.Module) -> torch.optim.Optimizer:
    """As the recipe's groups say: biases have no decay."""
    weights = list(model.parameters())
    parts = [{"params": [p for p in weights if p.ndim == 2]}, {"params": [p for p in weights if p.ndim < 2]}]
    return torch.optim.AdamW([parts[0], parts[1] | {"weight_decay": 0.0}], lr=1.0, weight_decay=0.3)


CASES = {
    "groups of its own": (groups, {}, lambda m: groups(m.parameters(), lr=1.0), rates(0.01)),
    "a rate of its own": (
        with_its_own_rate,
        {"lr": 1.0},
        lambda m: torch.optim.Adam(m.parameters(), lr=0.02),
        rates(1.0),
    ),
    "both numbers": (told_all, {"weight_decay": 0.3}, decayed, rates(0.01)),
    "an option": (
        groups,
        {"optimizer_options": {"momentum": 0.5}},
        lambda m: groups(m.parameters(), lr=1.0, momentum=0.5),
        rates(0.01),
    ),
    "an argument held by partial": (
        partial(groups, momentum=0.3),
        {},
        lambda m: groups(m.parameters(), lr=1.0, momentum=0.3),
        rates(0.01),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_it_trains_as_in_a_loop_by_hand(case: str) -> None:
    """Rates, decay, groups and options reach it; what it does with them is its own affair."""
    make, settings, reference, lrs = CASES[case]
    recipe = recipe_of(register(make), **settings)
    start, end = trained(ENGINE, net, recipe)
    for name, value in by_hand(recipe, start, reference, lrs).items():
        np.testing.assert_allclose(end[name], value, rtol=1e-5, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("make", [groups, with_its_own_rate, told_all])
def test_pause_and_neighbours_change_no_bit(make: Any) -> None:
    """Also where it makes its own groups."""
    assert_pause_changes_no_bit(ENGINE, net, recipe_of(register(make), weight_decay=0.1))


def test_a_state_that_is_not_restored_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The wrong twin of the promise above."""
    monkeypatch.setattr(foreign.Foreign, "_restore", lambda *_: None)
    with pytest.raises(AssertionError):
        assert_pause_changes_no_bit(ENGINE, net, recipe_of(register(groups)))


def test_weights_that_it_leaves_out_stay_and_are_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    """In the log of the worker, by name."""
    engine = TorchEngine(inputs=6, outputs=3)
    start, end = trained(engine, net, recipe_of(register(groups)), stops=(5, 20))
    assert np.array_equal(start["weights/2.bias"], end["weights/2.bias"])
    told = capsys.readouterr().err
    assert told == "the optimizer own.groups does not train 1 of the weights: 2.bias\n"


def test_names_are_public_where_there_is_one() -> None:
    """A class of torch by its name in torch.optim; a function of one's own by its own."""
    assert register(torch.optim.RAdam) == "torch.optim.RAdam"
    assert register(groups) == "own.groups"
    assert register(lambda params: torch.optim.SGD(params, lr=0.1)) == "own.lambda"
    assert found("own.groups") is groups


class Hidden(torch.optim.SGD):
    """Keeps what can not be stored."""

    def step(self, closure: Any = None) -> None:
        super().step(closure)
        for group in self.param_groups:
            for param in group["params"]:
                self.state[param]["seen"] = [param.detach().clone()]


class TwoFaced(torch.optim.SGD):
    """Evaluates with other weights."""

    def train(self) -> None: ...

    def eval(self) -> None: ...


ELSEWHERE = torch.nn.Parameter(torch.zeros(3))
WRONG = {
    "optax.adam": "an optimizer of torch",
    "keras.optimizers.Nadam": "an optimizer of torch",
    "torch.optim.LBFGS": "closure",
    "torch.optim.NoSuch": "NoSuch",
    "torch.nn.Linear": "Linear",
    "torch.optim.lr_scheduler.StepLR": "step_size|can be made",
    "nowhere_to_be_found.Lion": "nowhere_to_be_found",
    "own.not_at_hand": "optimizer=not_at_hand",
}
WRONG_FUNCTIONS = {
    "made a list": lambda params: [*params],
    "'seen'": lambda params, lr: Hidden(params, lr=lr),
    "schedule_free": lambda params, lr: TwoFaced(params, lr=lr),
    "not given": lambda params, lr: torch.optim.SGD([ELSEWHERE], lr=lr),
    "can be made": lambda params: torch.optim.SGD(params, lr=-1.0),
    "'momentum'": lambda params, lr, momentum: None,
}


@pytest.mark.parametrize("name", WRONG)
def test_what_can_not_train_is_named_before_anything_trains(name: str) -> None:
    """With the mend."""
    with pytest.raises(LuthierError, match=WRONG[name]) as caught:
        ENGINE.open(net, Recipe(optimizer=name), Loss("cross_entropy"), "loop", 1)
    assert isinstance(caught.value, InvalidInput | MissingExtra)


@pytest.mark.parametrize("told", WRONG_FUNCTIONS)
def test_a_function_that_makes_no_usable_optimizer_is_refused(told: str) -> None:
    """It says what is wrong with it."""
    with pytest.raises(InvalidInput, match=told):
        ENGINE.open(net, Recipe(optimizer=register(WRONG_FUNCTIONS[told])), Loss("cross_entropy"), "loop", 1)


@pytest.mark.parametrize(
    ("options", "told"),
    [({"lr": 0.1}, "lr="), ({"weight_decay": 0.1}, "weight_decay="), ({"betas2": 1}, "It takes lr, betas, eps")],
)
def test_options_that_are_settings_or_that_it_does_not_take(options: dict[str, Any], told: str) -> None:
    """A rate belongs into the recipe, where it is scheduled."""
    with pytest.raises(InvalidInput, match=told):
        ENGINE.open(
            net, Recipe(optimizer="torch.optim.RAdam", optimizer_options=options), Loss("cross_entropy"), "loop", 1
        )


def test_an_optimizer_of_weights_already_is_refused_with_the_mend() -> None:
    """Every trial has weights of its own."""
    with pytest.raises(InvalidInput, match="lambda params"):
        register(torch.optim.SGD(net(inputs=2, outputs=2).parameters(), lr=0.1))
    with pytest.raises(InvalidInput, match=r"luthier\.tune\(\.\.\., optimizer=function\)"):
        Recipe(optimizer=groups)


def test_fused_modes_refuse_it() -> None:
    """There is no form of it for many slots."""
    with pytest.raises(Unsupported, match=r"own\.groups"):
        ENGINE.open(net, Recipe(optimizer=register(groups)), Loss("cross_entropy"), "grouped", 2)
