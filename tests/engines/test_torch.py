"""The torch engine keeps the contract, and is the loop that one would write by hand."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from luthier.engines.conformance import EngineConformance
from luthier.engines.conformance.bench import S, Trial
from luthier.engines.spec import Builder, Engine, optimizer_numbers

from . import models
from .torch_bench import ADAMW, ENGINE, bench, source


class TestMLP(EngineConformance):
    """With dropout, one slot after another."""

    def engine(self) -> Engine:
        return ENGINE

    def builder(self) -> Builder:
        return models.mlp

    def dropout_builder(self) -> Builder:
        return models.two_dropouts

    def modes(self) -> tuple[str, ...]:
        return ("loop",)


class TestMLPVmap(TestMLP):
    """Mapped over the slots."""

    def modes(self) -> tuple[str, ...]:
        return ("vmap",)


class TestMLPGrouped(TestMLP):
    """In batched kernels."""

    def modes(self) -> tuple[str, ...]:
        return ("grouped",)


class TestCNN(TestMLP):
    """With BatchNorm, both loops."""

    has_batch_norm = True

    def builder(self) -> Builder:
        return models.cnn

    def modes(self) -> tuple[str, ...]:
        return ("loop", "channels_last")

    def dropout_modes(self) -> tuple[str, ...]:
        return ("loop",)


class TestCNNVmap(TestCNN):
    """Mapped over the slots."""

    def modes(self) -> tuple[str, ...]:
        return ("vmap",)

    def dropout_modes(self) -> tuple[str, ...]:
        return self.modes()


class TestCNNGrouped(TestCNN):
    """In batched kernels."""

    def modes(self) -> tuple[str, ...]:
        return ("grouped",)

    def dropout_modes(self) -> tuple[str, ...]:
        return self.modes()


def test_every_mode_is_under_test() -> None:
    """A mode that is offered and not tried is a failure; "compiled" is built once, in test_fused.py."""
    suites = (TestMLP, TestMLPVmap, TestMLPGrouped, TestCNN, TestCNNVmap, TestCNNGrouped)
    assert {mode for suite in suites for mode in suite().modes()} | {"compiled"} == set(ENGINE.modes())


def test_engine_is_the_loop_one_would_write() -> None:
    """A model without dropout: losses and weights are bit-equal to torch's own words."""

    def build(*, inputs: int, outputs: int) -> nn.Module:
        return nn.Sequential(nn.Linear(inputs, 32), nn.ReLU(), nn.BatchNorm1d(32), nn.Linear(32, outputs))

    data, trial = source(), Trial(ADAMW)
    (snapshot,), out = bench(build).run([trial])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(trial.seed)
        model = build(inputs=64, outputs=10)
    inputs, targets = torch.tensor(data.inputs, dtype=torch.float32), torch.tensor(data.targets)
    numbers = optimizer_numbers(ADAMW)
    optimizer = torch.optim.AdamW(
        [
            {"params": [p for p in model.parameters() if p.ndim >= 2], "weight_decay": numbers["weight_decay"][0]},
            {"params": [p for p in model.parameters() if p.ndim < 2], "weight_decay": 0.0},
        ],
        lr=float(numbers["lr"][0]),
        betas=(float(numbers["beta1"][0]), float(numbers["beta2"][0])),
        eps=float(numbers["eps"][0]),
        fused=True,
    )
    for step in range(S):
        rows = torch.tensor(trial.rows(step, len(inputs)))
        loss = functional.cross_entropy(model(inputs[rows]), targets[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        assert out["loss"][step, 0] == loss.item()
    for name, param in model.named_parameters():
        assert np.array_equal(snapshot[f"weights/{name}"], param.detach().numpy()), name
    assert snapshot["buffers/2.num_batches_tracked"] == S
    assert snapshot["buffers/2.num_batches_tracked"].dtype == np.int64
