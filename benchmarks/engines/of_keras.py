"""Keras models and `fit`, on the backend of KERAS_BACKEND."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import keras
from benchmarks.engines.cost import BATCH, Contestant
from keras import layers

from luthier.engines.spec import Source

PACKAGES = ("keras",)
STEPS_PER_EXECUTION = (5, 20, 50)


def mlp() -> keras.Model:
    """64-128-128-10 with two dropouts."""
    return keras.Sequential([
        keras.Input((64,)), layers.Dense(128, "relu"), layers.Dropout(0.1), layers.Dense(128, "relu"),
        layers.Dropout(0.1), layers.Dense(10),
    ])  # fmt: skip


def cnn8() -> keras.Model:
    """Two 3 x 3 convolutions (16, 32 channels) with BatchNorm and pooling, on 8 x 8 pixels."""
    body: list[Any] = []
    for channels in (16, 32):
        body += [layers.Conv2D(channels, 3, padding="same", use_bias=False), layers.BatchNormalization()]
        body += [layers.ReLU(), layers.MaxPool2D(2)]
    head = [layers.Flatten(), layers.Dropout(0.1), layers.Dense(10)]
    return keras.Sequential([keras.Input((64,)), layers.Reshape((8, 8, 1)), *body, *head])


def _fit(build: Callable[[], Any], source: Source, num_steps: int, steps: int) -> Contestant:
    keras.utils.set_random_seed(0)
    model, num_rows = build(), num_steps * BATCH
    inputs, targets = (array[[i % len(array) for i in range(num_rows)]] for array in (source.inputs, source.targets))
    rule = keras.optimizers.AdamW(keras.optimizers.schedules.CosineDecay(1e-3, num_steps), weight_decay=0.01)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(rule, loss, steps_per_execution=steps)
    return lambda: model.fit(inputs, targets, batch_size=BATCH, epochs=1, verbose=0) and None


def by_fit(build: Callable[[], Any], source: Source, num_steps: int) -> Contestant:
    """As it comes."""
    return _fit(build, source, num_steps, 1)


def by_best_fit(build: Callable[[], Any], source: Source, num_steps: int) -> Contestant:
    """With the `steps_per_execution` that is fastest here, of several."""
    found = []
    for steps in STEPS_PER_EXECUTION:
        train = _fit(build, source, num_steps, steps)
        train()
        began = time.process_time()
        train()
        train()
        found.append((time.process_time() - began, steps, train))
    return min(found, key=lambda one: one[0])[2]


MODELS: dict[str, Callable[..., Any]] = {"mlp": mlp, "cnn8": cnn8}
PEERS = {"fit": by_fit, "fit, best steps_per_execution": by_best_fit}


def modes() -> tuple[str, ...]:
    """Of the engine."""
    from luthier.engines.keras import keras_engine

    return keras_engine(64, 10).modes()
