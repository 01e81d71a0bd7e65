"""The conformance suite fails on every deliberately wrong engine, and says so by name."""

from __future__ import annotations

import pytest

from luthier.engines.conformance import EngineConformance
from luthier.engines.spec import Builder, Engine

from . import models
from .twins import FLAWS, Flaw, FlawedEngine


class Suspect(EngineConformance):
    """An engine with a flaw under the suite; BatchNorm where the test is about it."""

    __test__ = False

    def __init__(self, flaw: Flaw) -> None:
        self._engine = FlawedEngine(flaw)
        self.has_batch_norm = "batch_statistics" in FLAWS.get(flaw, "")

    def engine(self) -> Engine:
        return self._engine

    def builder(self) -> Builder:
        return models.cnn if self.has_batch_norm else models.mlp

    def dropout_builder(self) -> Builder:
        return models.two_dropouts


@pytest.mark.parametrize("flaw", FLAWS, ids=lambda flaw: flaw.__name__)
def test_suite_notices(flaw: Flaw) -> None:
    """The named test fails on the twin."""
    suspect = Suspect(flaw)
    with pytest.raises(AssertionError):
        getattr(suspect, FLAWS[flaw])()


@pytest.mark.parametrize("test", sorted(set(FLAWS.values())))
def test_suite_accepts_the_sound_twin(test: str) -> None:
    """A wrapper without a flaw passes: it is the flaw that is noticed."""
    getattr(Suspect(lambda population: None), test)()


def test_every_promise_has_been_broken() -> None:
    """There is a twin for each test of the suite."""
    tests = {name for name in dir(EngineConformance) if name.startswith("test_")}
    assert tests == set(FLAWS.values())
