"""Normalisations and dropout against torch's own layers."""

from __future__ import annotations

import numpy as np
import torch

from luthier.algorithms import layers

X = np.random.default_rng(0).normal(2.0, 3.0, (8, 5))
SCALE, SHIFT = np.random.default_rng(1).normal(size=5), np.random.default_rng(2).normal(size=5)


def test_batch_norm_is_torchs_in_training_and_evaluation() -> None:
    """The output, and both running statistics after three batches."""
    theirs = torch.nn.BatchNorm1d(5, dtype=torch.float64)
    with torch.no_grad():
        theirs.weight.copy_(torch.from_numpy(SCALE))
        theirs.bias.copy_(torch.from_numpy(SHIFT))
    running = layers.Running(np.zeros(5), np.ones(5))
    for factor in (1.0, 0.5, 2.0):
        expected = theirs(torch.from_numpy(factor * X)).detach().numpy()
        ours, running = layers.batch_norm(np, factor * X, SCALE, SHIFT, running=running)
        np.testing.assert_allclose(ours, expected, rtol=1e-9)
    np.testing.assert_allclose(running.mean, theirs.running_mean.numpy(), rtol=1e-9)
    np.testing.assert_allclose(running.variance, theirs.running_var.numpy(), rtol=1e-9)
    evaluated = layers.batch_norm_evaluated(np, X, SCALE, SHIFT, running=running)
    np.testing.assert_allclose(evaluated, theirs.eval()(torch.from_numpy(X)).detach().numpy(), rtol=1e-9)


def test_layer_and_rms_norm_are_torchs() -> None:
    """Over the features of each row."""
    x, scale, shift = (torch.from_numpy(a) for a in (X, SCALE, SHIFT))
    expected = torch.nn.functional.layer_norm(x, (5,), scale, shift).numpy()
    np.testing.assert_allclose(layers.layer_norm(np, X, SCALE, SHIFT), expected, rtol=1e-9)
    expected = torch.nn.functional.rms_norm(x, (5,), scale, 1e-6).numpy()
    np.testing.assert_allclose(layers.rms_norm(np, X, SCALE), expected, rtol=1e-9)
