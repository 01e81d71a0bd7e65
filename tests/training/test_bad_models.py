"""What can be wrong with a model or a loss of one's own, each with its sentence."""

import numpy as np
import pytest
import torch
from torch import nn

import luthier
from luthier.errors import InvalidInput, TrainingFailed

X = np.random.default_rng(0).normal(size=(200, 5)).astype(np.float32)
Y = (X[:, 0] > 0).astype(np.int64)


def raises(*, inputs, outputs):
    raise ValueError("no such backbone")


def returns_a_dict(*, inputs, outputs):
    return {"layers": [nn.Linear(inputs, outputs)]}


def takes_too_many(*, inputs, outputs):
    return nn.Linear(inputs + 3, outputs)


def gives_too_many(*, inputs, outputs):
    return nn.Linear(inputs, outputs + 1)


def divides_by_zero(*, inputs, outputs):
    return nn.Sequential(Inverse(), nn.Linear(inputs, outputs))


class Inverse(nn.Module):
    def forward(self, x):
        return x / (x - x)


def line_of(function):
    """Of its first statement."""
    return function.__code__.co_firstlineno + 1


@pytest.mark.parametrize(
    ("net", "kind", "said"),
    [
        (
            raises,
            TrainingFailed,
            f"ValueError: no such backbone (test_bad_models.py line {line_of(raises)}, in raises, while the "
            "model was tried before the search).",
        ),
        (
            returns_a_dict,
            InvalidInput,
            "returns_a_dict returned dict: `a model, or a function that returns one, for torch, jax, keras` must "
            "hold (engine_for). Return a torch.nn.Module, a flax.nnx.Module or a keras.Model.",
        ),
        (
            takes_too_many,
            TrainingFailed,
            "the model does not take the rows: RuntimeError: mat1 and mat2 shapes cannot be multiplied (2x5 "
            "and 8x2) (",
        ),
        (
            gives_too_many,
            InvalidInput,
            "the model's output for 2 rows has shape (2, 3): `shape (2, 2): one column a class` must hold (builder). "
            "Let the last layer have `outputs` units; luthier passes the number to a builder that asks for it.",
        ),
        (
            divides_by_zero,
            TrainingFailed,
            "loss=nan at step 0: `a finite loss before any training` must hold (pre-flight). Look for a log or "
            "division of zero, or inputs that are not scaled.",
        ),
    ],
    ids=lambda given: getattr(given, "__name__", ""),
)
def test_a_model_that_cannot_be_trained_is_told(net, kind, said, tmp_path):
    with pytest.raises(kind) as told:
        luthier.tune(net, data=(X, Y), root=tmp_path, budget="4trials", workers=0)
    assert said in str(told.value)


def detached(model, batch):
    return nn.functional.cross_entropy(model(batch[0]), batch[1]).detach()


def by_row(model, batch):
    return nn.functional.cross_entropy(model(batch[0]), batch[1], reduction="none")


def wrong_key(model, batch):
    return nn.functional.cross_entropy(model(batch["x"]), batch[1])


def not_a_number(model, batch):
    return nn.functional.cross_entropy(model(batch[0]), batch[1]) * torch.nan


@pytest.mark.parametrize(
    ("loss", "kind", "said"),
    [
        (
            detached,
            InvalidInput,
            "the loss does not depend on the weights: `a gradient reaches the model through it` must hold (loss). "
            "Look for detach(), no_grad(), argmax or numpy on the way from the model to the loss.",
        ),
        (
            by_row,
            InvalidInput,
            "the loss function returned a tensor of shape (64,): `one number for the batch` must hold (loss). Take "
            "the mean over the rows: return loss.mean().",
        ),
        (
            wrong_key,
            TrainingFailed,
            f"TypeError: tuple indices must be integers or slices, not str (test_bad_models.py line "
            f"{line_of(wrong_key)}, in wrong_key, while the model was tried before the search).",
        ),
        (not_a_number, TrainingFailed, "loss=nan at step 0: `a finite loss before any training` must hold"),
    ],
    ids=lambda given: getattr(given, "__name__", ""),
)
def test_a_loss_that_cannot_be_minimised_is_told(loss, kind, said, tmp_path):
    with pytest.raises(kind) as told:
        luthier.tune(
            lambda: nn.Linear(5, 2), data=(X, Y), loss=loss, metric="loss", root=tmp_path, budget="4trials", workers=0
        )
    assert said in str(told.value)
