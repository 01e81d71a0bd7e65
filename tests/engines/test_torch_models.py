"""Models with something particular: tied, frozen or unused weights, other losses, what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from luthier.engines.conformance.bench import S, Trial, assert_bit_equal, weights
from luthier.engines.spec import Builder, Source
from luthier.engines.torch import TorchEngine
from luthier.errors import InvalidInput, Unsupported
from luthier.groups import GROUPS
from luthier.recipe import Recipe

from . import models
from .torch_bench import ADAMW, ENGINE, bench, source, trained


class Tied(nn.Module):
    """Decoder and encoder share a matrix."""

    def __init__(self, *, inputs: int, outputs: int) -> None:
        super().__init__()
        self.encode, self.decode = nn.Linear(inputs, 16), nn.Linear(16, 16)
        self.again = nn.Linear(16, 16)
        self.again.weight = self.decode.weight
        self.head = nn.Linear(16, outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(torch.tanh(self.again(torch.tanh(self.decode(torch.tanh(self.encode(x)))))))


def test_tied_weights_are_one_weight() -> None:
    """One name in the snapshot, and still tied when loaded: resume is exact."""
    on = bench(Tied)
    snapshot, _ = trained(Tied, ADAMW)
    assert "weights/decode.weight" in snapshot
    assert "weights/again.weight" not in snapshot
    straight, _ = trained(Tied, ADAMW)
    (paused,), _ = on.run([Trial(ADAMW)], steps=[4])
    resumed, _ = on.step_from(paused, on.plan([Trial(ADAMW)], steps=[6], start=4))
    assert_bit_equal(resumed, straight, "tied")


def test_frozen_parameters_are_left_alone() -> None:
    """requires_grad=False: no decay, no optimizer state, and still in the snapshot."""

    def build(*, inputs: int, outputs: int) -> nn.Module:
        model = nn.Sequential(nn.Linear(inputs, 8), nn.ReLU(), nn.Linear(8, outputs))
        model[0].requires_grad_(False)
        return model

    before = bench(build).population.fresh(ADAMW, 0)
    after, _ = trained(build, ADAMW)
    assert np.array_equal(after["weights/0.weight"], before["weights/0.weight"])
    assert not np.array_equal(after["weights/2.weight"], before["weights/2.weight"])
    assert "optimizer/m/0.weight" not in after
    assert "optimizer/m/2.weight" in after


class PartlyUsed(nn.Module):
    """One layer has no part in the output."""

    def __init__(self, *, inputs: int, outputs: int) -> None:
        super().__init__()
        self.used, self.unused = nn.Linear(inputs, outputs), nn.Linear(inputs, outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.used(x)


def test_a_weight_without_a_part_has_gradient_zero() -> None:
    """It decays as it does in frameworks that hand out zeros, and the trial can be probed and resumed."""
    before = bench(PartlyUsed).population.fresh(ADAMW, 0)
    after, _ = trained(PartlyUsed, ADAMW)
    shrunk = before["weights/unused.weight"] * (1 - 0.01 * 0.1) ** S
    np.testing.assert_allclose(after["weights/unused.weight"], shrunk, rtol=1e-5)
    on = bench(PartlyUsed)
    assert on.population.probe(on.population.stack([after]), on.data, np.arange(8))["grad_norm"] > 0


class Projected(nn.Module):
    """Keeps a random matrix that is neither parameter nor buffer."""

    def __init__(self, *, inputs: int, outputs: int) -> None:
        super().__init__()
        self.matrix, self.head = torch.randn(inputs, 16), nn.Linear(16, outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(torch.cos(x @ self.matrix))


def test_what_the_builder_draws_beside_weights_survives_a_resume() -> None:
    """A slot is built with the seed of its own trial."""
    on = bench(Projected, P=2)
    trials = [Trial(ADAMW, 5), Trial(ADAMW, 6)]
    straight, _ = on.run(trials)
    paused, _ = on.run(trials, steps=[4, 4])
    state = on.population.stack(paused)
    state, _ = on.go(state, on.plan(trials, steps=[6, 6], start=4))
    for p in range(2):
        assert_bit_equal(on.population.take(state, p), straight[p], f"slot {p}")


def flat(*, inputs: int) -> nn.Module:
    """One output a row without an axis for it."""
    return nn.Sequential(nn.Linear(inputs, 1), nn.Flatten(0))


def test_regression_learns_with_and_without_an_output_axis() -> None:
    """[B] outputs and [B, 1] outputs against [n] targets: the same losses, and they fall."""
    recipe = Recipe("adamw", lr=0.03, batch_size=16)
    _, without = trained(flat, recipe, "mse")
    _, with_axis = trained(lambda *, inputs: nn.Sequential(nn.Linear(inputs, 1)), recipe, "mse")
    assert np.array_equal(without, with_axis)
    assert without[-1] < without[0]


def test_binary_cross_entropy_is_the_rulebooks() -> None:
    """Per example against numpy, on 0/1 targets given as class numbers or as reals."""
    from luthier.algorithms.losses import bce_with_logits

    for dtype in (np.int64, np.float64):
        data = source()
        data = data._replace(targets=(data.targets > 4).astype(dtype))
        on = bench(flat, "bce_with_logits", data=data)
        state, _ = on.go(on.fresh(Trial(ADAMW)), on.plan([Trial(ADAMW)]))
        rows = np.arange(50)
        outputs = on.population.predict(state, on.data, rows)[0]
        expected = bce_with_logits(np, outputs.astype(np.float64), data.targets[rows])
        np.testing.assert_allclose(on.population.evaluate(state, on.data, rows)[0], expected, rtol=1e-5)


def test_placed_data_have_the_types_of_the_contract() -> None:
    """float32 inputs; int64 class numbers from any whole or truth values; float32 reals; a copy."""
    given = source()
    for targets, dtype in (
        (given.targets.astype(np.uint8), torch.int64),
        (given.targets > 4, torch.int64),
        (given.targets.astype(np.float64), torch.float32),
    ):
        placed = ENGINE.place(Source(given.inputs.astype(np.float32), targets))
        assert placed.inputs.dtype == torch.float32
        assert placed.targets.dtype == dtype
    own = given.inputs.astype(np.float32)
    placed = ENGINE.place(Source(own, given.targets))
    own[:] = 0
    assert placed.inputs.abs().sum() > 0


def test_evaluation_is_done_in_blocks() -> None:
    """More rows than one block: each row as in a small call."""
    on = bench(models.mlp)
    state = on.fresh(Trial(ADAMW))
    rows = np.tile(np.arange(200), 12)
    losses = on.population.evaluate(state, on.data, rows)
    np.testing.assert_allclose(losses[0, :200], losses[0, -200:], rtol=1e-5)
    assert losses.shape == (1, 2400)


BAD_BUILDERS: list[tuple[Builder, type[Exception], str]] = [
    (lambda: nn.Sequential(nn.ReLU()), Unsupported, "without trainable parameters"),
    (lambda: "model", InvalidInput, "returned str"),
    (lambda: nn.Sequential(nn.LazyLinear(10)), Unsupported, "Give the sizes"),
]


@pytest.mark.filterwarnings("ignore:Lazy modules are a new feature:UserWarning")
@pytest.mark.parametrize(("build", "kind", "words"), BAD_BUILDERS)
def test_a_builder_that_cannot_be_trained_is_answered(build: Builder, kind: type[Exception], words: str) -> None:
    """At once, in words."""
    with pytest.raises(kind, match=words):
        ENGINE.inspect(build, Recipe())


def test_other_outputs_than_rows_are_refused() -> None:
    """A tuple, or more than two axes."""

    def build(*, inputs: int) -> nn.Module:
        return nn.Sequential(nn.Linear(inputs, 4), nn.Unflatten(1, (2, 2)))

    with pytest.raises(Unsupported, match=r"the model returned \(16, 2, 2\)"):
        trained(build, ADAMW)


def test_real_targets_for_classes_are_refused() -> None:
    """Before a step is taken."""
    on = bench(models.mlp, data=source(classes=False))
    with pytest.raises(InvalidInput, match="class numbers"):
        on.run([Trial(ADAMW)])


def test_a_population_is_for_one_model() -> None:
    """A trial with other builder settings belongs elsewhere, as its key says."""
    other = Recipe(model={"width": 32})
    assert ENGINE.inspect(models.mlp, other) != ENGINE.inspect(models.mlp, Recipe())
    with pytest.raises(InvalidInput, match="Open a population for each GroupKey"):
        bench(models.mlp).population.fresh(other, 0)


def test_an_unknown_device_is_refused() -> None:
    """By name."""
    with pytest.raises(InvalidInput, match="device='toaster'"):
        TorchEngine(inputs=64, outputs=10, device="toaster")


def test_decay_group_is_by_axes() -> None:
    """Matrices and kernels decay, biases and the scales of normalisation do not."""
    plain, _ = trained(models.cnn, Recipe("sgd", lr=0.1, weight_decay=0.0, batch_size=16))
    on = bench(models.cnn)
    trial = Trial(Recipe("sgd", lr=0.1, weight_decay=0.5, batch_size=16))
    (one,), _ = on.run([trial], steps=[1])
    (none,), _ = on.run([Trial(Recipe("sgd", lr=0.1, weight_decay=0.0, batch_size=16))], steps=[1])
    changed = {n for n, v in weights(one).items() if not np.array_equal(v, weights(none)[n])}
    assert changed == {n for n, v in weights(plain).items() if v.ndim >= 2}
    assert GROUPS == ("decay", "no_decay")


def test_state_is_float32_after_every_rule() -> None:
    """No number of float64 creeps in through the plan."""
    for rule in ("adamw", "nadamw", "sgd", "rmsprop"):
        snapshot, _ = trained(models.mlp, Recipe(rule, batch_size=16))
        kinds: dict[str, Any] = {n: v.dtype for n, v in snapshot.items() if n.startswith(("weights", "optimizer"))}
        assert set(kinds.values()) == {np.dtype(np.float32)}
