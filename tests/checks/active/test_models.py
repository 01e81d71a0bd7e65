"""Broken models are named, healthy ones are left alone: one fault each, real data."""

import pytest

from checks.active import builders
from luthier.recipe import Recipe
from luthier.verbs.active import examine

STANDARD = Recipe(preparation={"scale": "standard"})
FAULTS = {
    "unused layer": "M01",
    "detached body": "M01",
    "stuck statistics": "M19",
    "symmetric": "M07",
    "unseeded": "R02",
    "rows mix": "M09",
    "softmax over rows": "M09",
    "always dropout": "E12",
    "softmax": "L01",
    "sigmoid": "L05",
    "nan": "N01",
    "ignores input": "M08",
}
HEALTHY = (
    builders.mlp,
    builders.linear,
    builders.dropout_net,
    builders.norm_first,
    builders.zero_head,
    builders.log_probabilities,
    builders.frozen,
    builders.deep,
    builders.tied,
)


def codes(diagnosis):
    assert not diagnosis.faults, diagnosis.faults
    return [finding.code for finding in diagnosis.findings]


def under(diagnosis):
    return {c.code for finding in diagnosis.findings for c in finding.consequences}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_broken_model_is_named_with_its_root_cause_first_and_nothing_beside_it(fault):
    found = examine(builders.broken(fault), data=builders.digits())
    assert codes(found) == [FAULTS[fault]]
    assert found.findings[0].n > 0
    assert found.findings[0].place is not None


def test_what_follows_from_a_cause_stands_under_it():
    assert {"T16", "L07"} <= under(examine(builders.broken("ignores input"), data=builders.digits()))


@pytest.mark.slow
def test_a_recurrence_over_the_batch_is_found():
    assert codes(examine(builders.wrong_axis, data=builders.digits())) == ["M09"]


@pytest.mark.slow
def test_a_vanishing_gradient_is_the_cause_of_a_constant_output():
    found = examine(builders.vanishing, data=builders.digits())
    assert codes(found) == ["M05"]
    assert {"M08", "T16"} <= under(found)


def test_an_output_that_cannot_be_negative_does_not_reach_negative_targets():
    x, y = builders.diabetes()
    found = examine(builders.broken("relu"), data=(x, (y - 150) / 77), baseline=STANDARD)
    assert codes(found) == ["L05"]


@pytest.mark.parametrize("builder", HEALTHY, ids=lambda b: b.__name__)
def test_a_healthy_model_is_left_alone(builder):
    assert codes(examine(builder, data=builders.digits())) == []


@pytest.mark.slow
@pytest.mark.parametrize("model", ["cnn", "mlp"])
def test_the_ready_task_is_left_alone(model):
    """The CNN has BatchNorm and dropout."""
    assert codes(examine("digits", options={"model": model})) == []


@pytest.mark.slow
def test_a_healthy_gru_is_left_alone():
    assert codes(examine(builders.gru, data=builders.digits())) == []


@pytest.mark.parametrize("builder", [builders.mlp, builders.linear, builders.dropout_net], ids=lambda b: b.__name__)
@pytest.mark.parametrize(
    "data", [builders.cancer, builders.diabetes, builders.wine, builders.rare], ids=lambda d: d.__name__
)
def test_healthy_models_on_small_real_sets_are_left_alone(builder, data):
    assert codes(examine(builder, data=data(), baseline=STANDARD)) == []
