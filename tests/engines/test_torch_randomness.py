"""Whatever draws in a torch model is a function of (seed, step, layer)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from luthier.engines.conformance.bench import S, Trial, assert_bit_equal
from luthier.engines.spec import Builder, Source
from luthier.engines.torch import randomness
from luthier.errors import Unsupported

from .torch_bench import ADAMW, ENGINE, bench, trained

CPU = torch.device("cpu")


class Drawing(nn.Module):
    """Draws without a layer: functional dropout and noise."""

    def __init__(self, *, inputs: int, outputs: int) -> None:
        super().__init__()
        self.head = nn.Linear(inputs, outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.training:
            x = functional.dropout(x, 0.3) + 0.1 * torch.randn_like(x)
        return self.head(x)


class Reused(nn.Module):
    """One dropout layer at two places."""

    def __init__(self, *, inputs: int, outputs: int) -> None:
        super().__init__()
        self.drop, self.head = nn.Dropout(0.5), nn.Linear(inputs, outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.drop(self.drop(x)))


class Attention(nn.Module):
    """Dropout hidden inside attention, and as layers around it."""

    def __init__(self, *, inputs: int, outputs: int) -> None:
        super().__init__()
        self.layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.2, batch_first=True)
        self.head = nn.Linear(inputs, outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.layer(x.reshape(len(x), 8, 8)).flatten(1))


@pytest.mark.parametrize("build", [Drawing, Reused, Attention])
def test_whatever_draws_resumes_exactly(build: Builder) -> None:
    """4 and 6 steps with another trial in between, against 10."""
    on = bench(build)
    (straight,), _ = on.run([Trial(ADAMW, 3)])
    (paused,), _ = on.run([Trial(ADAMW, 3)], steps=[4])
    on.run([Trial(ADAMW, 4)])
    resumed, _ = on.step_from(paused, on.plan([Trial(ADAMW, 3)], steps=[6], start=4))
    assert_bit_equal(resumed, straight, "resumed")


@pytest.mark.parametrize("build", [Drawing, Reused, Attention])
def test_whatever_draws_differs_between_steps(build: Builder) -> None:
    """lr 0 and the same rows: S different losses."""
    on, trial = bench(build), Trial(ADAMW)
    plan = on.plan([trial])
    plan.rows[:] = plan.rows[0]
    plan.hparams["lr"][:] = 0.0
    assert len(set(on.go(on.fresh(trial), plan)[1]["loss"][:, 0].tolist())) == S


def test_a_reused_dropout_layer_draws_anew() -> None:
    """Equal masks would keep a half of the ones, two masks keep a quarter: squares of 4 or of 1."""
    ones = Source(np.ones((64, 64)), np.zeros((64, 10)))
    on = bench(Reused, "mse", data=ones)
    snapshot = on.population.fresh(ADAMW, 0)
    snapshot["weights/head.weight"][:] = 1 / 64
    snapshot["weights/head.bias"][:] = 0
    plan = on.plan([Trial(ADAMW)])
    plan.hparams["lr"][:] = 0.0
    _, out = on.step_from(snapshot, plan)
    assert 0.8 < out["loss"].mean() < 1.4


@pytest.mark.parametrize(("layer", "shape"), [(nn.Dropout1d, (8, 8)), (nn.Dropout2d, (4, 4, 4)),
                                              (nn.Dropout3d, (8, 2, 2, 2))])  # fmt: skip
def test_channel_dropout_drops_whole_channels(layer: type[nn.Module], shape: tuple[int, ...]) -> None:
    """In training each channel of a row is all zero, or all divided by what is kept."""
    seen: list[torch.Tensor] = []

    class Watched(nn.Module):
        def __init__(self, *, outputs: int) -> None:
            super().__init__()
            self.drop, self.head = layer(0.5), nn.Linear(64, outputs)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            dropped = self.drop(torch.ones(len(x), *shape))
            seen.append(dropped.flatten(2))
            return self.head(dropped.flatten(1))

    bench(Watched).run([Trial(ADAMW)], steps=[1])
    assert set(seen[0].unique().tolist()) == {0.0, 2.0}
    assert (seen[0] == seen[0][..., :1]).all()
    assert 0.25 < float((seen[0][..., 0] > 0).float().mean()) < 0.75


def checkpointed(on: bool) -> Callable[..., nn.Module]:
    """A model with dropout whose activations are computed twice, or not."""

    class Model(nn.Module):
        def __init__(self, *, inputs: int, outputs: int) -> None:
            super().__init__()
            self.body = nn.Sequential(nn.Linear(inputs, 16), nn.Tanh(), nn.Dropout(0.5), nn.Linear(16, 16))
            self.head = nn.Linear(16, outputs)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.head(checkpoint(self.body, x, use_reentrant=False) if on else self.body(x))

    return Model


def test_checkpointing_sees_the_same_masks_again() -> None:
    """Activation checkpointing changes no bit."""
    assert_bit_equal(trained(checkpointed(True), ADAMW)[0], trained(checkpointed(False), ADAMW)[0], "checkpoint")


def test_checkpointing_of_a_reused_dropout_layer_is_refused() -> None:
    """Its second mask could not be drawn again: silence would be a wrong gradient."""

    class Model(Reused):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return checkpoint(super().forward, x.requires_grad_(), use_reentrant=False)

    with pytest.raises(Unsupported, match="Use a dropout layer of its own"):
        trained(Model, ADAMW)


def test_callers_random_numbers_are_not_touched() -> None:
    """Nothing that the engine does moves torch's or numpy's global generators, nor the number of threads."""
    torch.manual_seed(1)
    np.random.seed(1)
    threads = torch.get_num_threads()
    on = bench(Drawing)
    ENGINE.inspect(Drawing, ADAMW)
    state, _ = on.go(on.fresh(Trial(ADAMW)), on.plan([Trial(ADAMW)]))
    on.population.put(state, 0, on.population.take(state, 0))
    on.population.evaluate(state, on.data, np.arange(9))
    on.population.probe(state, on.data, np.arange(9))
    drawn = torch.rand(3), np.random.random()
    torch.manual_seed(1)
    np.random.seed(1)
    assert torch.equal(drawn[0], torch.rand(3))
    assert drawn[1] == np.random.random()
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize("bits_of", [randomness._philox, lambda calls, num: randomness._hashed(calls, num, CPU)])
def test_bits_are_uniform_and_differ_in_every_part_of_their_key(bits_of: Callable[..., torch.Tensor]) -> None:
    """Mean and variance of a uniform distribution; no two of (seed, step, layer, call) share a stream."""
    calls = [(0, 0, 0, 0), (1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1), (2**40, 0, 0, 0), (-1, 0, 0, 0)]
    bits_PN = bits_of(calls, 40_001)
    assert bits_PN.shape == (len(calls), 40_001)
    shares = (bits_PN.double() + 2**15) / 2**16
    assert (shares.mean(1) - 0.5).abs().max() < 4 * (1 / 12 / 40_001) ** 0.5
    assert (shares.var(1) - 1 / 12).abs().max() < 0.003
    correlation = torch.corrcoef(shares) - torch.eye(len(calls), dtype=torch.double)
    assert correlation.abs().max() < 5 / 40_001**0.5
    assert torch.equal(bits_of(calls[2:3], 40_001), bits_PN[2:3])
    assert torch.equal(bits_of(calls, 7), bits_PN[:, :7])


def test_a_mask_keeps_each_slots_share_and_scales_by_it() -> None:
    """Rates 0, 0.1, 0.5, 1: the mean of the mask is 1, but for the last, which keeps nothing."""
    clocks = [randomness.Clock() for _ in range(4)]
    for seed, clock in enumerate(clocks):
        clock.begin(seed, 3)
    mask = randomness.Draws(clocks).mask(0, (200, 100), [0.0, 0.1, 0.5, 1.0], like=torch.empty(0))
    kept = (mask != 0).float().mean((1, 2))
    np.testing.assert_allclose(kept, [1.0, 0.9, 0.5, 0.0], atol=0.02)
    np.testing.assert_allclose(mask.amax((1, 2)), [1.0, 1 / 0.9, 2.0, 0.0], rtol=1e-4)
