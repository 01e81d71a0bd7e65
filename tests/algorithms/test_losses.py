"""Each loss equals torch's, example by example, and its gradient too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from torch.nn import functional

from luthier.algorithms.losses import LOSS_OF_KIND, LOSSES

B, C = 7, 4
RTOL = 1e-10
"""float64; the sums are of 4 terms."""


def outputs(scale: float = 3.0) -> np.ndarray:
    return np.random.default_rng(0).normal(0.0, scale, (B, C))


CLASSES = np.random.default_rng(1).integers(0, C, B)
SHARES = np.random.default_rng(2).random((B, C))
REALS = np.random.default_rng(3).normal(size=(B, C))

CASES: dict[str, tuple[np.ndarray, float, Callable[[Any], Any]]] = {
    "cross_entropy": (CLASSES, 0.0, lambda z: functional.cross_entropy(z, t(CLASSES), reduction="none")),
    "cross_entropy smoothed": (CLASSES, 0.2, lambda z: functional.cross_entropy(
        z, t(CLASSES), reduction="none", label_smoothing=0.2)),
    "bce_with_logits": (SHARES, 0.0, lambda z: functional.binary_cross_entropy_with_logits(
        z, t(SHARES), reduction="none").mean(1)),
    "bce_with_logits smoothed": (SHARES, 0.2, lambda z: functional.binary_cross_entropy_with_logits(
        z, 0.8 * t(SHARES) + 0.1, reduction="none").mean(1)),
    "mse": (REALS, 0.0, lambda z: functional.mse_loss(z, t(REALS), reduction="none").mean(1)),
    "mse is not smoothed": (REALS, 0.2, lambda z: functional.mse_loss(z, t(REALS), reduction="none").mean(1)),
}  # fmt: skip


def t(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(array)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("scale", [3.0, 1e4])
def test_loss_is_torchs_in_every_framework(case: str, scale: float) -> None:
    """numpy, torch and jax.numpy; at a scale of 1e4 the naive formulas overflow."""
    targets, smoothing, theirs = CASES[case]
    loss, z = LOSSES[case.split(maxsplit=1)[0]], outputs(scale)
    expected = theirs(t(z)).numpy()
    assert expected.shape == (B,)
    np.testing.assert_allclose(loss(np, z, targets, smoothing), expected, rtol=RTOL)
    np.testing.assert_allclose(loss(torch, t(z), t(targets), smoothing).numpy(), expected, rtol=RTOL)
    with jax.enable_x64(True):
        ours = loss(jnp, jnp.asarray(z), jnp.asarray(targets), smoothing)
    np.testing.assert_allclose(ours, expected, rtol=RTOL)


@pytest.mark.parametrize("case", CASES)
def test_gradient_is_torchs(case: str) -> None:
    """Of the mean, by torch's and by JAX's differentiation."""
    targets, smoothing, theirs = CASES[case]
    loss = LOSSES[case.split(maxsplit=1)[0]]
    reference, mine = (t(outputs()).requires_grad_() for _ in range(2))
    theirs(reference).mean().backward()
    loss(torch, mine, t(targets), smoothing).mean().backward()
    np.testing.assert_allclose(mine.grad.numpy(), reference.grad.numpy(), rtol=1e-8, atol=1e-15)
    with jax.enable_x64(True):
        by_jax = jax.grad(lambda z: loss(jnp, z, jnp.asarray(targets), smoothing).mean())(jnp.asarray(outputs()))
    np.testing.assert_allclose(by_jax, reference.grad.numpy(), rtol=1e-8, atol=1e-15)


@pytest.mark.parametrize("name", ["bce_with_logits", "mse"])
def test_one_output_takes_flat_targets(name: str) -> None:
    """[B] targets with [B, 1] outputs: no silent [B, B]."""
    z, y = outputs()[:, :1], REALS[:, 0]
    np.testing.assert_array_equal(LOSSES[name](np, z, y), LOSSES[name](np, z, y[:, None]))


def test_every_kind_of_task_has_a_loss() -> None:
    """Two classes are two outputs; real values are compared by their squares."""
    assert LOSS_OF_KIND == {
        "binary": "cross_entropy",
        "multiclass": "cross_entropy",
        "multilabel": "bce_with_logits",
        "regression": "mse",
    }
    assert set(LOSS_OF_KIND.values()) <= set(LOSSES)
