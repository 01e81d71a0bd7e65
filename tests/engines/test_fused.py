"""Many trials in one program equal the loop, whatever their numbers, rules, rates and neighbours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from luthier.engines.conformance.bench import Bench, Trial, assert_bit_equal
from luthier.engines.spec import NOT_BY_ELEMENT, RULES, Builder, Loss, Source
from luthier.errors import Unsupported
from luthier.recipe import Recipe
from luthier.training.batches import Course, make_plan

from . import models
from .torch_bench import ENGINE, source

FUSED = ("vmap", "grouped")
STEPS = 200


def population(
    build: Builder,
    mode: str,
    P: int,
    loss: str = "cross_entropy",
    *,
    data: Source | None = None,
    of: Recipe | None = None,
) -> Bench:
    data = data or source()
    return Bench(ENGINE.open(build, of or Recipe(), Loss(loss), mode, P), ENGINE.place(data), len(data.inputs))


def curves(bench: Bench, trials: list[Trial], num_steps: int = STEPS, only: list[int] | None = None) -> Any:
    """(losses [num_steps, P], state) in chunks of 50 steps; `only` some slots train."""
    state, losses = bench.fresh(*trials), []
    for step in range(0, num_steps, 50):
        courses = [
            Course(t.recipe, t.seed, np.arange(bench.num_rows), num_steps, step, 50)
            if only is None or p in only
            else None
            for p, t in enumerate(trials)
        ]
        state, out = bench.go(state, make_plan(courses, 50))
        losses.append(out["loss"])
    return np.concatenate(losses), state


def curves_from(bench: Bench, state: Any, trials: list[Trial]) -> Any:
    """Losses [50, P] of 50 steps more, whatever the step at which each slot stands."""
    courses = [
        Course(t.recipe, t.seed, np.arange(bench.num_rows), STEPS, int(bench.population.take(state, p)["step"]), 50)
        for p, t in enumerate(trials)
    ]
    return bench.go(state, make_plan(courses, 50))[1]["loss"]


def trials_of(**model: tuple[Any, ...]) -> list[Trial]:
    """Four trials that differ in everything that slots may have for themselves."""
    recipes = [
        Recipe("adamw", lr=1e-3, weight_decay=0.1, batch_size=16),
        Recipe("sgd", lr=1e-2, momentum=0.8, nesterov=True, label_smoothing=0.1, batch_size=16, schedule="linear"),
        Recipe("rmsprop", lr=3e-4, clip_norm=0.5, batch_size=16, warmup=0.1),
        Recipe("nadamw", lr=1e-3, beta1=0.8, beta2=0.99, batch_size=16),
    ]
    return [
        Trial(Recipe(**{**_fields(r), "model": {n: values[i] for n, values in model.items()}}), seed=i + 1)
        for i, r in enumerate(recipes)
    ]


def _fields(recipe: Recipe) -> dict[str, Any]:
    return {name: getattr(recipe, name) for name in recipe.__struct_fields__}


class Numbers(nn.Module):
    """Layers whose numbers are lifted, all of them."""

    def __init__(
        self, slope: float = 0.1, alpha: float = 1.0, eps: float = 1e-5, momentum: float = 0.1, *, outputs: int
    ) -> None:
        super().__init__()
        self.first = nn.Sequential(
            nn.Linear(64, 16, bias=False),
            nn.LayerNorm(16, eps=eps),
            nn.LeakyReLU(slope),
            nn.BatchNorm1d(16, eps, momentum),
        )
        self.second = nn.Sequential(
            nn.Unflatten(1, (4, 2, 2)),
            nn.GroupNorm(2, 4, eps),
            nn.ELU(alpha),
            nn.Conv2d(4, 4, 1, bias=False),
            nn.BatchNorm2d(4, eps, momentum),
            nn.Flatten(),
            nn.Linear(16, outputs),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.second(self.first(x))


class Particular(nn.Module):
    """A tied matrix, frozen weights, an embedding whose row 0 stays, a weight that has no part."""

    def __init__(self, *, inputs: int, outputs: int) -> None:
        super().__init__()
        self.encode, self.decode = nn.Linear(inputs, 16), nn.Linear(16, 16)
        self.again = nn.Linear(16, 16)
        self.again.weight = self.decode.weight
        self.words = nn.Embedding(5, 16, padding_idx=0)
        self.unused = nn.Linear(3, 3)
        self.head = nn.Linear(16, outputs)
        self.encode.requires_grad_(False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        word = self.words((x[:, 0] > 0).long() * 2)
        return self.head(torch.tanh(self.again(torch.tanh(self.decode(torch.tanh(self.encode(x)))))) + word)


CASES: dict[str, tuple[Builder, dict[str, tuple[Any, ...]]]] = {
    "mlp": (models.mlp, {"dropout": (0.1, 0.0, 0.5, 0.2)}),
    "cnn": (models.cnn, {}),
    "numbers": (
        Numbers,
        {
            "slope": (0.4, 0.2, 0.0, 0.2),
            "alpha": (1.5, 0.5, 2.0, 1.2),
            "eps": (1e-4, 1e-3, 1e-4, 1e-2),
            "momentum": (0.3, 0.2, 0.3, 0.5),
        },
    ),
    "particular": (Particular, {}),
}


@pytest.mark.parametrize("mode", FUSED)
@pytest.mark.parametrize("case", CASES)
def test_fused_equals_the_loop_over_200_steps(case: str, mode: str) -> None:
    """Four trials with rules, schedules, clipping, smoothing and numbers of their own: 1e-4 relative."""
    build, model = CASES[case]
    trials = trials_of(**model)
    known, looped = curves(population(build, "loop", 4, of=trials[0].recipe), trials)
    found, state = curves(fused := population(build, mode, 4, of=trials[0].recipe), trials)
    np.testing.assert_allclose(found, known, rtol=1e-4)
    rows = np.arange(fused.num_rows)
    per_row = fused.population.evaluate(state, fused.data, rows)
    np.testing.assert_allclose(
        per_row,
        population(build, "loop", 4, of=trials[0].recipe).population.evaluate(looped, fused.data, rows),
        rtol=1e-2,
        atol=1e-4,
    )


@pytest.mark.parametrize("mode", FUSED)
@pytest.mark.parametrize("case", CASES)
def test_curve_is_bit_equal_whatever_the_neighbours_do(case: str, mode: str) -> None:
    """All four train, or two, or one."""
    build, model = CASES[case]
    trials = trials_of(**model)
    every, _ = curves(population(build, mode, 4, of=trials[0].recipe), trials, 50)
    for only in ([1, 3], [2]):
        some, _ = curves(population(build, mode, 4, of=trials[0].recipe), trials, 50, only)
        assert np.array_equal(some[:, only], every[:, only])


@pytest.mark.parametrize("mode", FUSED)
@pytest.mark.parametrize(("loss", "targets"), [("mse", (200, 3)), ("bce_with_logits", (200, 3)), ("mse", (200,))])
def test_other_losses(mode: str, loss: str, targets: tuple[int, ...]) -> None:
    """Several real values, several labels, one value."""
    draw = np.random.default_rng(0)
    data = Source(draw.normal(size=(200, 64)), draw.integers(0, 2, targets).astype(float))

    def build() -> nn.Module:
        return nn.Sequential(nn.Linear(64, 8), nn.Tanh(), nn.Linear(8, targets[1] if len(targets) > 1 else 1))

    trials = trials_of()
    known, _ = curves(population(build, "loop", 4, loss, data=data), trials, 50)
    found, _ = curves(population(build, mode, 4, loss, data=data), trials, 50)
    np.testing.assert_allclose(found, known, rtol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("case", ["mlp", "cnn"])
def test_compiled_equals_the_loop_whatever_the_neighbours_do(case: str) -> None:
    """One build: 200 steps against the loop; fewer slots, and other places, to the bit."""
    build, model = CASES[case]
    trials = trials_of(**model)
    compiled = population(build, "compiled", 4, of=trials[0].recipe)
    known, _ = curves(population(build, "loop", 4, of=trials[0].recipe), trials)
    found, _ = curves(compiled, trials)
    np.testing.assert_allclose(found, known, rtol=1e-4)
    some, _ = curves(compiled, trials, only=[2])
    assert np.array_equal(some[:, 2], found[:, 2])
    moved, state = curves(compiled, trials[::-1])
    assert np.array_equal(moved[:, ::-1], found)
    rows = np.arange(compiled.num_rows)
    assert compiled.population.evaluate(state, compiled.data, rows).shape == (4, len(rows))


def test_frozen_weights_that_trials_share_are_held_once() -> None:
    """Until one arrives that has others."""
    bench = population(lambda: _frozen(seeded=False), "vmap", 2)
    trials = [Trial(Recipe(batch_size=16), 1), Trial(Recipe(batch_size=16), 2)]
    state = bench.fresh(*trials)
    assert set(state.shared) == {"0.weight", "0.bias"}
    other = bench.population.take(state, 1)
    other["weights/0.weight"] = other["weights/0.weight"] + 1
    state = bench.population.put(state, 1, other)
    assert set(state.shared) == {"0.bias"}
    assert_bit_equal(bench.population.take(state, 1), other, "taken again")
    rows = np.arange(5)
    outputs = bench.population.predict(state, bench.data, rows)
    assert np.array_equal(
        outputs[1:],
        population(_frozen, "loop", 1).population.predict(
            population(_frozen, "loop", 1).population.stack([other]), bench.data, rows
        ),
    )


def _frozen(seeded: bool = True) -> nn.Module:
    model = nn.Sequential(nn.Linear(64, 8), nn.Tanh(), nn.Linear(8, 10))
    if not seeded:  # pretrained
        nn.init.constant_(model[0].weight, 0.1)
        nn.init.constant_(model[0].bias, 0.1)
    model[0].requires_grad_(False)
    return model


# ------------------------------------------------------------------------------------- which trials may fuse


class Drop(nn.Module):
    """A rate that the structure sees, as no layer holds it."""

    def __init__(self, rate: float = 0.1, act: Callable[..., Any] = functional.relu, *, outputs: int) -> None:
        super().__init__()
        self.rate, self.act, self.head = rate, act, nn.Linear(64, outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.dropout(self.act(self.head(x)), self.rate, self.training)


def closed(rate: float = 0.1, *, outputs: int) -> nn.Module:
    class Inner(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Linear(64, outputs)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.head(x) * rate

    return Inner()


def hidden(rate: float = 0.1, *, outputs: int) -> nn.Module:
    head = nn.Linear(64, outputs)
    head.scale = torch.tensor(rate)
    return head


@pytest.mark.parametrize(
    ("build", "one", "other", "same"),
    [
        (models.mlp, {"dropout": 0.1}, {"dropout": 0.7}, True),
        (models.mlp, {"width": 24}, {"width": 25}, False),
        (Numbers, {"eps": 1e-5}, {"eps": 1e-3}, False),
        (Numbers, {"slope": 0.4, "eps": 1e-4, "momentum": 0.2}, {"slope": 0.2, "eps": 1e-3, "momentum": 0.3}, True),
        (Drop, {"rate": 0.1}, {"rate": 0.2}, False),
        (Drop, {"act": functional.relu}, {"act": functional.gelu}, False),
        (Drop, {"act": lambda x: x * 2}, {"act": lambda x: x * 3}, False),
        (closed, {"rate": 0.1}, {"rate": 0.2}, False),
        (hidden, {"rate": 0.1}, {"rate": 0.2}, False),
    ],
)
def test_key_is_what_a_program_depends_on(
    build: Builder, one: dict[str, Any], other: dict[str, Any], same: bool
) -> None:
    """Lifted numbers are free; all else that the forward pass sees is in the key."""
    keys = [ENGINE.inspect(build, Recipe(model=settings)) for settings in (one, other, one)]
    assert keys[0] == keys[2]
    assert (keys[0] == keys[1]) is same


# ------------------------------------------------------------------------------------------------- refusals


class Branching(nn.Module):
    def __init__(self, *, outputs: int) -> None:
        super().__init__()
        self.head = nn.Linear(64, outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(x) if x.mean() > 0 else self.head(-x)


def mixed(*, outputs: int) -> nn.Module:
    return nn.Sequential(nn.Linear(64, outputs), nn.Linear(outputs, outputs, dtype=torch.float64))


@pytest.mark.parametrize("mode", FUSED)
@pytest.mark.parametrize(
    ("build", "says"),
    [
        (Drop, r"nn\.Dropout"),
        (Branching, r"torch\.where in the place of if"),
        (hidden, r"holds the tensor 'scale'.*register_buffer\('scale', \.\.\.\)"),
        (mixed, r"float32, torch\.float64.*one type"),
    ],
)
def test_refusal_names_the_mend(build: Builder, says: str, mode: str) -> None:
    """When opened, or with the first step, before any slot has moved."""
    trials = [Trial(Recipe(batch_size=16), 1), Trial(Recipe(batch_size=16), 2)]
    with pytest.raises(Unsupported, match=says):
        curves(population(build, mode, 2), trials, 50)


def test_every_rule_has_its_fused_form() -> None:
    """The trials above use all but three that run as rmsprop does; conformance tries those in every mode."""
    assert {trial.recipe.optimizer for trial in trials_of()} == set(RULES) - {
        *NOT_BY_ELEMENT,
        "gd",
        "adagrad",
        "lion",
    }
