"""What is searched in `time_to_loss`: the same model, space, rows and training for everyone."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from luthier.data import Data
from luthier.engines.spec import Array
from luthier.recipe import Recipe
from luthier.space import Float, Int
from luthier.training.task import Task
from luthier_tasks.digits import cnn, mlp

NUM_REPORTS = 18
"""Looks at the validation rows in a training, evenly spread."""
NUM_FASHION = 12_000
"""Rows of Fashion-MNIST's training set, before some are held out."""


class Search(NamedTuple):
    """A model on a data set, and how long it trains."""

    model: str  # mlp | cnn
    data: str  # digits | fashion
    epochs: float


SEARCHES = {
    "mlp-digits": Search("mlp", "digits", 60.0),
    "cnn-digits": Search("cnn", "digits", 60.0),
    "mlp-fashion": Search("mlp", "fashion", 20.0),
    "cnn-fashion": Search("cnn", "fashion", 5.0),
}
"""Epochs such that a full training on one core takes about 1, 3, 3 and 10 seconds on a calm machine."""


class OneSplit(Data):
    """Rows with one split into training, validation and test, whatever the seed: a lower loss on other validation
    rows is luck and would count as speed."""

    def test_rows(self, seed: int) -> Array:
        """Test rows."""
        return super().test_rows(0)

    def split(self, test_rows: Array, split_seed: int) -> tuple[Array, Array]:
        """(training rows, validation rows)."""
        return super().split(test_rows, 0)


def digits_rows() -> Data:
    """1,797 rows of 64 grey values: 1,149 train, 288 validate, 360 are held back."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    return OneSplit(np.asarray(bunch.data, np.float32) / 16.0, np.asarray(bunch.target, np.int64), kind="multiclass")


def fashion_rows() -> Data:
    """12,000 rows of 784 grey values: 7,680 train, 1,920 validate, 2,400 are held back."""
    from benchmarks.population.models import fashion

    source = fashion(NUM_FASHION)
    return OneSplit(source.inputs, source.targets, kind="multiclass")


def task_of(name: str) -> Task:
    """As luthier takes it."""
    search = SEARCHES[name]
    size: dict[str, Any] = {"channels": Int(8, 32, log=True)} if search.model == "cnn" else {
        "width": Int(32, 256, log=True)}  # fmt: skip
    return Task(
        name=name,
        build=cnn if search.model == "cnn" else mlp,
        data=digits_rows if search.data == "digits" else fashion_rows,
        metric="log_loss",
        baseline=Recipe("adamw", lr=1e-3, batch_size=64, epochs=search.epochs),
        space={
            **size,
            "dropout": Float(0.0, 0.5),
            "lr": Float(3e-4, 3e-2, log=True),
            "weight_decay": Float(1e-4, 1.0, log=True),
            "one_minus_beta1": Float(0.02, 0.5, log=True),
            "label_smoothing": Float(0.0, 0.2),
        },
    )
