"""Learning curves of an MLP on Fashion-MNIST, recorded here, and a model of them: where early losses mislead.

    python -m benchmarks.fashion_curves --record 100      train 100 settings to their end; their curves join the file

The case `mlp-fashion` of `population/time_to_loss.py`. Every other setting is drawn from the whole space, the rest
from the part in which good ones lie. At the end .2 to .3 of dropout is best, at the first looks none is.
"""

from __future__ import annotations

import argparse
import json
import math
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from luthier.space import Config, Float, Int, Space

FILE = Path(__file__).with_suffix(".jsonl")
NAME = "mlp-fashion"
SPACE = Space(
    {
        "width": Int(32, 256, log=True),
        "dropout": Float(0.0, 0.5),
        "lr": Float(3e-4, 3e-2, log=True),
        "weight_decay": Float(1e-4, 1.0, log=True),
        "one_minus_beta1": Float(0.02, 0.5, log=True),
        "label_smoothing": Float(0.0, 0.2),
    }
)
BASELINE = {"width": 128, "dropout": 0.1, "lr": 1e-3, "weight_decay": 0.01, "one_minus_beta1": 0.1,
            "label_smoothing": 0.0}  # fmt: skip
GOOD = (
    {"width": 110, "dropout": 0.0, "lr": 7e-4, "weight_decay": 1e-3, "one_minus_beta1": 0.02, "label_smoothing": 0.0},
    {"width": 256, "dropout": 0.5, "lr": 5e-3, "weight_decay": 0.3, "one_minus_beta1": 0.2, "label_smoothing": 0.06},
)
LEARNT = (1, 5, 11)
"""Reports, from 0, at which the model's numbers are found beside the first and last; others take the ones before."""
MOST_LOSS = 0.8
"""A curve that ends higher is left out: how bad a bad setting is teaches nothing about the good ones."""


class Modelled(NamedTuple):
    """Losses by setting, [R] each, and the standard deviation of a final loss from seed to seed."""

    losses: Callable[[Config], Any]
    num_reports: int
    noise: float


def modelled() -> Modelled:
    """A Gaussian process of the logarithm of the loss at each report."""
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

    rows = [json.loads(line) for line in FILE.read_text().splitlines()]
    log_NR = np.log(np.array([row["losses"] for row in rows]))
    good_N = np.isfinite(log_NR).all(axis=1) & (log_NR[:, -1] < math.log(MOST_LOSS))
    x_ND, log_NR = np.stack([SPACE.encode(row["config"]) for row in rows])[good_N], log_NR[good_N]
    mean_R, num = log_NR.mean(axis=0), log_NR.shape[1]
    kernel = ConstantKernel(0.05) * Matern(np.full(len(SPACE), 0.6), (0.05, 20.0), nu=2.5) + WhiteKernel(
        1e-3, (1e-5, 0.1)
    )
    models = []
    for report in range(num):
        how: dict[str, Any] = {} if report in (0, *LEARNT, num - 1) else {"optimizer": None}
        with warnings.catch_warnings():  # a setting that does not matter has a length scale at its bound
            warnings.simplefilter("ignore")
            model = GaussianProcessRegressor(kernel, random_state=0, **how).fit(
                x_ND, log_NR[:, report] - mean_R[report]
            )
        kernel = model.kernel_
        models.append(model)

    def losses(config: Config) -> Any:
        x_1D = SPACE.encode(config)[None]
        return np.exp(mean_R + [float((m.kernel_.k1(x_1D, x_ND) @ m.alpha_)[0]) for m in models])

    noise = math.exp(log_NR[:, -1].min()) * math.sqrt(kernel.k2.noise_level)  # near the best, where it matters
    return Modelled(losses, num, noise)


def record(num: int) -> None:
    """Train so many more settings, each on a seed of its own."""
    import torch
    from benchmarks.population import optuna_arm
    from benchmarks.population.tasks import task_of
    from scipy.stats import qmc

    torch.set_num_threads(1)
    task = task_of(NAME)
    if Space.of(task.space) != SPACE:
        raise SystemExit(f"{NAME} has another space than the curves here")
    rows, low, high = optuna_arm.Rows(task), *(SPACE.encode(config) for config in GOOD)
    done = len(FILE.read_text().splitlines()) if FILE.exists() else 0
    points = qmc.Halton(len(SPACE), seed=1).random(done + num)[done:]
    with FILE.open("a") as file:
        for number, u_D in enumerate(points, done):
            config = SPACE.decode(low + (high - low) * u_D if number % 2 else u_D)
            recipe = task.baseline.with_config(config)
            losses = [round(loss, 5) for loss in optuna_arm.train(task, recipe, rows, seed=5000 + number)]
            file.write(json.dumps({"config": config, "losses": losses}) + "\n")
            file.flush()


def main() -> None:
    """Record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--record", type=int, required=True, metavar="N")
    record(parser.parse_args().record)


if __name__ == "__main__":
    main()
