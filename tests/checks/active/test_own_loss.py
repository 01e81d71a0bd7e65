"""A loss of one's own against central differences, a doubled batch and dealt targets."""

import pytest
import torch
from torch.nn import functional

from checks.active import builders
from luthier.verbs.active import examine


def mean_squares(outputs, targets):
    return (outputs.squeeze(1) - targets).square().mean()


def huber(outputs, targets):
    return functional.huber_loss(outputs.squeeze(1), targets)


def absolute(outputs, targets):
    return (outputs.squeeze(1) - targets).abs().mean()


def cross_entropy(outputs, targets):
    return functional.cross_entropy(outputs, targets, label_smoothing=0.1)


def focal(outputs, targets):
    log_p = functional.log_softmax(outputs, 1).gather(1, targets[:, None]).squeeze(1)
    return (-((1 - log_p.exp()) ** 2) * log_p).mean()


def poisson(outputs, targets):
    return functional.poisson_nll_loss(outputs.squeeze(1), targets.abs())


def detached(outputs, targets):
    return ((outputs.squeeze(1) - targets) / outputs.detach().squeeze(1)).square().mean()


def cut(outputs, targets):
    return (outputs.detach().squeeze(1) - targets).square().mean()


def summed(outputs, targets):
    return (outputs.squeeze(1) - targets).square().sum()


def pairs(outputs, targets):
    return (outputs - targets).square().mean()


def unsafe(outputs, targets):
    return -torch.log(torch.softmax(outputs, 1)).gather(1, targets[:, None]).mean()


def raising(outputs, targets):
    return functional.cross_entropy(outputs, targets.float()[:5])


def told(loss, data):
    found = examine(builders.mlp, data=data, loss=loss, select=("L04", "L08", "L13", "N05"), tier="quick")
    assert not found.faults
    return [finding.code for finding in found.findings]


@pytest.mark.parametrize(
    ("loss", "code"),
    [(detached, "L13"), (cut, "L13"), (summed, "L08"), (pairs, "L04")],
    ids=lambda v: getattr(v, "__name__", v),
)
def test_a_wrong_loss_of_real_targets_is_named(loss, code):
    x, y = builders.diabetes()
    assert told(loss, (x, y / 100)) == [code]


@pytest.mark.parametrize("loss", [unsafe, raising], ids=lambda v: v.__name__)
def test_a_loss_of_classes_that_leaves_its_domain_or_raises_is_named(loss):
    x, y = builders.digits()
    assert told(loss, (x * 100, y)) == ["N05"]


@pytest.mark.parametrize("loss", [mean_squares, huber, absolute, poisson], ids=lambda v: v.__name__)
def test_right_losses_of_real_targets_are_left_alone(loss):
    x, y = builders.diabetes()
    assert told(loss, (x, y / 100)) == []


@pytest.mark.parametrize("loss", [cross_entropy, focal], ids=lambda v: v.__name__)
def test_right_losses_of_classes_are_left_alone(loss):
    assert told(loss, builders.digits()) == []
