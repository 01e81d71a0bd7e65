"""Handwritten digits, 8 x 8 pixels, ten classes (scikit-learn's copy of the UCI set): a small CNN or an MLP."""

from __future__ import annotations

from typing import Any

import numpy as np

from luthier.data import Data
from luthier.errors import InvalidInput
from luthier.recipe import Recipe
from luthier.space import Float, Int
from luthier.training.task import Task


def rows() -> Data:
    """1,797 rows of 64 grey values, scaled by their fixed range 0..16."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    return Data(
        np.asarray(bunch.data, np.float32) / 16.0,
        np.asarray(bunch.target, np.int64),
        kind="multiclass",
        labels=tuple(str(d) for d in range(10)),
    )


def mlp(width: int = 128, dropout: float = 0.1, *, inputs: int, outputs: int) -> Any:
    """Two hidden layers with ReLU and dropout."""
    from torch import nn

    return nn.Sequential(
        nn.Linear(inputs, width), nn.ReLU(), nn.Dropout(dropout),
        nn.Linear(width, width), nn.ReLU(), nn.Dropout(dropout),
        nn.Linear(width, outputs),
    )  # fmt: skip


def cnn(channels: int = 16, dropout: float = 0.1, *, inputs: int, outputs: int) -> Any:
    """Two 3 x 3 convolutions with BatchNorm and pooling, dropout, one linear layer."""
    from torch import nn

    side = round(inputs**0.5)
    return nn.Sequential(
        nn.Unflatten(1, (1, side, side)),
        nn.Conv2d(1, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(channels, 2 * channels, 3, padding=1, bias=False), nn.BatchNorm2d(2 * channels), nn.ReLU(),
        nn.MaxPool2d(2), nn.Flatten(), nn.Dropout(dropout),
        nn.Linear(2 * channels * (side // 4) ** 2, outputs),
    )  # fmt: skip


def task(model: str = "cnn") -> Task:
    """The task, with `model` cnn or mlp."""
    if model not in ("cnn", "mlp"):
        raise InvalidInput(f"model={model!r}", must="cnn or mlp", where="task digits")
    size = Int(8, 32, log=True) if model == "cnn" else Int(32, 256, log=True)
    return Task(
        name="digits",
        build=cnn if model == "cnn" else mlp,
        data=rows,
        metric="accuracy",
        baseline=Recipe("adamw", lr=1e-3, batch_size=64, epochs=12),
        space={
            "channels" if model == "cnn" else "width": size,
            "dropout": Float(0.0, 0.5),
            "lr": Float(3e-4, 3e-2, log=True),
            "weight_decay": Float(1e-4, 1.0, log=True),
            "one_minus_beta1": Float(0.02, 0.5, log=True),
            "label_smoothing": Float(0.0, 0.2),
        },
    )
