"""A torch engine, rows to learn from, and short ways to train on them."""

from __future__ import annotations

import numpy as np

from luthier.engines.conformance.bench import Bench, Trial
from luthier.engines.spec import Builder, Loss, Snapshot, Source
from luthier.engines.torch import TorchEngine
from luthier.recipe import Recipe

ENGINE = TorchEngine(inputs=64, outputs=10)
ADAMW = Recipe("adamw", lr=0.01, weight_decay=0.1, batch_size=16)


def source(classes: bool = True) -> Source:
    draw = np.random.default_rng(0)
    inputs = draw.normal(size=(200, 64))
    return Source(inputs, inputs[:, :10].argmax(1) if classes else inputs @ draw.normal(size=64) / 8)


def bench(build: Builder, loss: str = "cross_entropy", P: int = 1, data: Source | None = None) -> Bench:
    data = data or source()
    population = ENGINE.open(build, Recipe(), Loss(loss), "loop", P)
    return Bench(population, ENGINE.place(data), len(data.inputs))


def trained(build: Builder, recipe: Recipe, loss: str = "cross_entropy") -> tuple[Snapshot, np.ndarray]:
    """(snapshot, losses [S]) of one trial after S steps."""
    data = source(classes=loss == "cross_entropy")
    (snapshot,), out = bench(build, loss, data=data).run([Trial(recipe)])
    return snapshot, out["loss"][:, 0]
