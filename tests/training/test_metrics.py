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
        ("precision_macro", sk.precision_score(TARGETS, OUTPUTS.argmax(1), average="macro")),
        ("recall_weighted", sk.recall_score(TARGETS, OUTPUTS.argmax(1), average="weighted")),
        ("mcc", sk.matthews_corrcoef(TARGETS, OUTPUTS.argmax(1))),
        ("cohen_kappa", sk.cohen_kappa_score(TARGETS, OUTPUTS.argmax(1))),
        ("roc_auc", sk.roc_auc_score(TARGETS, softmax(OUTPUTS), multi_class="ovr")),
        ("pr_auc", np.mean([sk.average_precision_score(c == TARGETS, softmax(OUTPUTS)[:, c]) for c in range(4)])),
        ("brier", np.mean([((softmax(OUTPUTS)[i] - np.eye(4)[t]) ** 2).sum() for i, t in enumerate(TARGETS)])),
    ],
)
def test_classification_metrics_equal_scikit_learns(name, expected):
    assert metrics.score(name, OUTPUTS, TARGETS) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mse", sk.mean_squared_error(REAL.astype(float), VALUES[:, 0].astype(float))),
        ("mae", sk.mean_absolute_error(REAL.astype(float), VALUES[:, 0].astype(float))),
        ("r2", sk.r2_score(REAL.astype(float), VALUES[:, 0].astype(float))),
        ("rmse", sk.root_mean_squared_error(REAL.astype(float), VALUES[:, 0].astype(float))),
        ("median_absolute_error", sk.median_absolute_error(REAL.astype(float), VALUES[:, 0].astype(float))),
        ("mape", sk.mean_absolute_percentage_error(REAL.astype(float), VALUES[:, 0].astype(float))),
        ("explained_variance", sk.explained_variance_score(REAL.astype(float), VALUES[:, 0].astype(float))),
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


WIDE = RNG.normal(size=(200, 7)).astype(np.float32)
MANY = RNG.integers(0, 7, 200)
LABELS = (RNG.random((200, 3)) < 0.4).astype(np.float32)
SCORES = (LABELS + RNG.normal(size=(200, 3))).astype(np.float32)
PAIR = RNG.normal(size=(200, 2)).astype(np.float32)
TWO = RNG.integers(0, 2, 200)


def sigmoid(z):
    return 1 / (1 + np.exp(-z.astype(float)))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("accuracy", sk.accuracy_score(LABELS, SCORES > 0)),
        ("hamming_loss", sk.hamming_loss(LABELS, SCORES > 0)),
        ("f1_micro", sk.f1_score(LABELS, SCORES > 0, average="micro")),
        ("f1_macro", sk.f1_score(LABELS, SCORES > 0, average="macro")),
        ("roc_auc", sk.roc_auc_score(LABELS, SCORES)),
        ("pr_auc", sk.average_precision_score(LABELS, SCORES)),
        ("log_loss", np.mean([sk.log_loss(LABELS[:, c], sigmoid(SCORES[:, c])) for c in range(3)])),
        ("brier", np.mean([sk.brier_score_loss(LABELS[:, c], sigmoid(SCORES[:, c])) for c in range(3)])),
    ],
)
def test_metrics_of_several_labels_equal_scikit_learns(name, expected):
    assert metrics.score(name, SCORES, LABELS) == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("f1", sk.f1_score(TWO, PAIR.argmax(1))),
        ("precision", sk.precision_score(TWO, PAIR.argmax(1))),
        ("recall", sk.recall_score(TWO, PAIR.argmax(1))),
        ("roc_auc", sk.roc_auc_score(TWO, PAIR[:, 1] - PAIR[:, 0])),
        ("pr_auc", sk.average_precision_score(TWO, PAIR[:, 1] - PAIR[:, 0])),
        ("brier", 2 * sk.brier_score_loss(TWO, softmax(PAIR)[:, 1])),
    ],
)
def test_of_two_classes_the_second_counts(name, expected):
    assert metrics.score(name, PAIR, TWO) == pytest.approx(expected, abs=1e-7)


def test_top_5_accuracy_equals_scikit_learns():
    expected = sk.top_k_accuracy_score(MANY, WIDE, k=5)
    assert metrics.score("top_5_accuracy", WIDE, MANY) == pytest.approx(expected)


def test_calibration_error_is_none_where_confidence_is_right():
    """Of predictions that are 80 % sure 80 % are right: no error; where only half are, 0.3."""
    outputs = np.log(np.tile([[0.8, 0.2]], (100, 1)))
    right = np.repeat([0, 1], [80, 20])
    half = np.repeat([0, 1], [50, 50])
    assert metrics.score("ece", outputs, right) == pytest.approx(0.0, abs=1e-9)
    assert metrics.score("ece", outputs, half) == pytest.approx(0.3)


@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel", "regression"])
def test_every_metric_of_a_kind_can_be_computed(kind):
    """And the best constant prediction has a score too, which a good model beats."""
    of_kind = {"binary": (PAIR, TWO), "multiclass": (WIDE, MANY), "multilabel": (SCORES, LABELS)}
    outputs, targets = of_kind.get(kind, (VALUES, REAL))
    if kind == "multilabel":
        perfect = 99 * (2 * LABELS - 1)
    else:
        perfect = REAL[:, None] if kind == "regression" else 99.0 * np.eye(outputs.shape[1])[targets]
    for name, known in metrics.KNOWN.items():
        if kind in known.kinds:
            sign = 1 if known.greater_is_better else -1
            constant = metrics.constant_score(name, targets, targets, outputs.shape[1])
            assert np.isfinite(metrics.score(name, outputs, targets)), name
            assert sign * metrics.score(name, perfect.astype(np.float32), targets) >= sign * constant - 1e-6, name


def test_direction_is_told_by_the_name_or_said():
    assert not metrics.measured_metric("val_loss").greater_is_better
    assert metrics.measured_metric("val_acc").greater_is_better
    assert metrics.measured_metric("max:cost") == metrics.Metric(name="cost", greater_is_better=True)
    with pytest.raises(InvalidInput, match='Write metric="max:accuracy_loss" or metric="min:accuracy_loss"'):
        metrics.measured_metric("accuracy_loss")
    with pytest.raises(InvalidInput, match="Did you mean 'val_acc'"):
        metrics.check_measured("val_ac", ["val_acc", "loss"])
