"""Metrics equal scikit-learn's, and say what does not fit."""

import numpy as np
import pytest
import sklearn.metrics as sk

from luthier.errors import InvalidInput
from luthier.training import metrics

RNG = np.random.default_rng(0)
OUTPUTS = RNG.normal(size=(200, 4)).astype(np.float32)
TARGETS = RNG.integers(0, 4, 200)
VALUES = RNG.normal(size=(200, 1)).astype(np.float32)
REAL = RNG.normal(size=200).astype(np.float32)


def softmax(z):
    e = np.exp(z.astype(np.float64) - z.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("accuracy", sk.accuracy_score(TARGETS, OUTPUTS.argmax(1))),
        ("balanced_accuracy", sk.balanced_accuracy_score(TARGETS, OUTPUTS.argmax(1))),
        ("f1_macro", sk.f1_score(TARGETS, OUTPUTS.argmax(1), average="macro")),
        ("log_loss", sk.log_loss(TARGETS, softmax(OUTPUTS))),
    ],
)
def test_classification_metrics_equal_scikit_learns(name, expected):
    assert metrics.score(name, OUTPUTS, TARGETS) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mse", sk.mean_squared_error(REAL.astype(float), VALUES[:, 0].astype(float))),
        ("mae", sk.mean_absolute_error(REAL.astype(float), VALUES[:, 0].astype(float))),
        ("r2", sk.r2_score(REAL, VALUES[:, 0])),
    ],
)
def test_regression_metrics_equal_scikit_learns(name, expected):
    assert metrics.score(name, VALUES, REAL) == pytest.approx(expected, abs=1e-7)


def test_an_output_that_is_not_finite_has_no_score():
    assert np.isnan(metrics.score("accuracy", np.array([[np.nan, 1.0]]), np.array([1])))


def test_constant_prediction_of_accuracy_is_the_largest_class():
    train = np.array([0, 1, 1, 1])
    assert metrics.constant_score("accuracy", train, np.array([1, 0]), 2) == 0.5


def test_unknown_metric_names_the_nearest():
    with pytest.raises(InvalidInput, match="Did you mean 'accuracy'"):
        metrics.metric_for("acuracy", "multiclass")


def test_metric_that_does_not_fit_is_refused():
    with pytest.raises(InvalidInput, match="a metric for regression targets"):
        metrics.metric_for("accuracy", "regression")
