"""The suites fail on what is wrong: each wrong twin breaks the promise that it was made to break."""

from __future__ import annotations

import pytest
from tests.search import twins

from luthier.search.conformance import SamplerConformance, SchedulerConformance


def names(suite: type) -> set[str]:
    return {name for name in dir(suite) if name.startswith("test_")}


@pytest.mark.parametrize("twin", twins.SAMPLERS, ids=lambda twin: twin.__name__)
def test_the_sampler_suite_fails_on_a_wrong_sampler(twin):
    suite = type("Suite", (SamplerConformance,), {"make": lambda self: twin()})()
    with pytest.raises((AssertionError, ValueError, IndexError)):
        getattr(suite, twins.SAMPLERS[twin])()


@pytest.mark.parametrize("twin", twins.SCHEDULERS, ids=lambda twin: twin.__name__)
def test_the_scheduler_suite_fails_on_a_wrong_scheduler(twin):
    suite = type("Suite", (SchedulerConformance,), {"make": lambda self: twin()})()
    with pytest.raises(AssertionError):
        getattr(suite, twins.SCHEDULERS[twin])()


def test_the_models_of_the_twins_are_right():
    """Else the twins would fail for another reason than their fault."""
    sampler = type("Suite", (SamplerConformance,), {"make": lambda self: twins.Right()})()
    scheduler = type("Suite", (SchedulerConformance,), {"make": lambda self: twins.RightScheduler()})()
    for suite in (sampler, scheduler):
        for name in names(type(suite)):
            getattr(suite, name)()


def test_every_promise_has_a_twin_that_breaks_it():
    assert set(twins.SAMPLERS.values()) == names(SamplerConformance)
    assert set(twins.SCHEDULERS.values()) == names(SchedulerConformance)
