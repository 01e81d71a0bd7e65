"""The suites of the rulebook: the registries pass, and every famous mistake fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from luthier.algorithms import conformance as suite
from luthier.algorithms import layers
from luthier.algorithms.initialisers import DRAWS, Fans
from luthier.algorithms.losses import LOSSES, OF_CLASSES
from luthier.algorithms.schedules import SHAPES, factor
from luthier.recipe import INITIALISERS, SCHEDULES
from luthier.recipe import LOSSES as LOSS_NAMES

VARIANCES: dict[str, Callable[[Fans], float]] = {
    "uniform": lambda f: 0.05**2 / 3,
    "normal": lambda f: 0.02**2,
    "xavier_uniform": lambda f: 2 / (f.inputs + f.outputs),
    "xavier_normal": lambda f: 2 / (f.inputs + f.outputs),
    "he_uniform": lambda f: 2 / f.inputs,
    "he_normal": lambda f: 2 / f.inputs,
    "lecun_normal": lambda f: 1 / f.inputs,
    "orthogonal": lambda f: 1 / max(f.inputs, f.outputs),
}
Z = np.random.default_rng(0).normal(0.0, 2.0, (7, 4))
REALS = np.random.default_rng(1).normal(size=(7, 4))
CLASSES = np.random.default_rng(2).integers(0, 4, 7)
SHARES = np.random.default_rng(3).random((7, 4))
P = np.exp(Z) / np.exp(Z).sum(1, keepdims=True)
OWN = P[np.arange(7), CLASSES]
ONEHOT = np.eye(4)[CLASSES]
SIGMOID = 1 / (1 + np.exp(-Z))
R = Z - REALS
KNOWN: dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]] = {
    "cross_entropy": (CLASSES, -np.log(OWN), (P - ONEHOT) / 7),
    "bce_with_logits": (
        SHARES,
        -(SHARES * np.log(SIGMOID) + (1 - SHARES) * np.log(1 - SIGMOID)).mean(1),
        (SIGMOID - SHARES) / 28,
    ),
    "mse": (REALS, (R**2).mean(1), 2 * R / 28),
    "mae": (REALS, np.abs(R).mean(1), np.sign(R) / 28),
    "huber": (REALS, np.where(np.abs(R) <= 1, R**2 / 2, np.abs(R) - 0.5).mean(1), np.clip(R, -1, 1) / 28),
    "focal": (
        CLASSES,
        -((1 - OWN) ** 2) * np.log(OWN),
        ((1 - OWN) ** 2 - 2 * OWN * (1 - OWN) * np.log(OWN))[:, None] * (P - ONEHOT) / 7,
    ),
}
"""Name -> (targets, values, gradient of the mean), by their formulas."""


def test_lists_under_test_are_the_registries() -> None:
    """Nothing is offered that is not tried."""
    assert set(VARIANCES) == set(DRAWS) == set(INITIALISERS)
    assert set(KNOWN) == set(LOSSES) == set(LOSS_NAMES)
    assert set(SHAPES) == set(SCHEDULES)
    assert set(OF_CLASSES) == {name for name, (targets, *_) in KNOWN.items() if targets.dtype.kind == "i"}


@pytest.mark.parametrize("name", LOSSES)
def test_loss_is_its_formula_and_so_is_its_gradient(name: str) -> None:
    """Values in closed form, gradients against differences."""
    targets, values, gradient = KNOWN[name]
    suite.check_loss(LOSSES[name], Z, targets, known=values, gradient=lambda z, y: gradient)


@pytest.mark.parametrize("name", DRAWS)
def test_initialiser_has_its_variance(name: str) -> None:
    """By the fans."""
    suite.check_initialiser(DRAWS[name], VARIANCES[name])


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("warmup", [0.0, 0.2])
def test_schedule_keeps_the_contract(name: str, warmup: float) -> None:
    """Within (0, 1], a function of the step."""
    suite.check_schedule(lambda step: factor(name, step, 50, warmup=warmup, final_lr=0.0), 50)


def test_layers_are_their_formulas() -> None:
    """BatchNorm with its eps, dropout that rescales, F1 of precision and recall."""
    ones, zeros = np.ones(3), np.zeros(3)
    running = layers.Running(zeros, ones)
    suite.check_batch_norm(lambda x: layers.batch_norm(np, x, ones, zeros, running=running)[0])
    suite.check_dropout(layers.dropout)
    suite.check_f1(lambda tp, fp, fn, tn: 2 * tp / (2 * tp + fp + fn))


def twin_he(rng: np.random.Generator, shape: tuple[int, ...], f: Fans) -> np.ndarray:
    """The normal's deviation taken for the uniform's bound: a third of the variance."""
    bound = (2.0 / f.inputs) ** 0.5
    return rng.uniform(-bound, bound, shape)


def twin_cross_entropy(xp: Any, outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """-y log p alone for y in {0, 1}: nothing for the zeros, and best where p is 1 everywhere."""
    return -targets[:, 0] * np.log(1 / (1 + np.exp(-outputs[:, 0])))


def no_eps(x: np.ndarray) -> np.ndarray:
    """BatchNorm without eps."""
    return (x - x.mean(0)) / np.sqrt(x.var(0))


def wrong_f1(tp: int, fp: int, fn: int, tn: int) -> float:
    """The mean of accuracy and recall."""
    return ((tp + tn) / (tp + fp + fn + tn) + tp / (tp + fn)) / 2


BINARY = np.array([[1.0], [0.0], [0.0]])
LOGITS = np.array([[0.3], [1.2], [-0.4]])
WRONG: dict[str, Callable[[], None]] = {
    "He with the bound sqrt(2 / fan_in)": lambda: suite.check_initialiser(twin_he, VARIANCES["he_uniform"]),
    "MSE gradient without 1 / n": lambda: suite.check_loss(
        LOSSES["mse"], Z, REALS, gradient=lambda z, y: 2 * (z - y)
    ),
    "cross entropy of the ones only": lambda: suite.check_loss(
        twin_cross_entropy, LOGITS, BINARY, known=LOSSES["bce_with_logits"](np, LOGITS, BINARY)
    ),
    "cross-entropy gradient without 1 / p": lambda: suite.check_loss(
        LOSSES["cross_entropy"], Z, CLASSES, gradient=lambda z, y: -ONEHOT * P * (1 - P) / 7
    ),
    "BatchNorm without eps": lambda: suite.check_batch_norm(no_eps),
    "dropout without rescaling": lambda: suite.check_dropout(lambda x, kept, rate: x * kept),
    "F1 of accuracy and recall": lambda: suite.check_f1(wrong_f1),
    "a schedule that ends at 0 with a step to go": lambda: suite.check_schedule(
        lambda step: 1.0 - np.asarray(step) / 49.0, 50
    ),
    "a loss that is not of its row": lambda: suite.check_loss(
        lambda xp, z, y: np.full(len(z), ((z - y) ** 2).sum()), Z, REALS
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_suite_notices_the_mistake(name: str) -> None:
    """Each of these stood in print or in somebody's code."""
    with pytest.raises(AssertionError):
        WRONG[name]()
