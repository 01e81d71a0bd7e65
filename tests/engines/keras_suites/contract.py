"""The conformance suite on three kinds of Keras models."""

from __future__ import annotations

from luthier.engines.conformance import EngineConformance
from luthier.engines.keras import keras_engine
from luthier.engines.spec import Builder, Engine

from . import models

ENGINE = keras_engine(inputs=64, outputs=10)


class TestSequential(EngineConformance):
    """An MLP, in all modes."""

    outputs_axis = -1

    def engine(self) -> Engine:
        return ENGINE

    def builder(self) -> Builder:
        return models.mlp

    def dropout_builder(self) -> Builder:
        return models.two_dropouts


class TestFunctional(TestSequential):
    """A CNN with BatchNorm, in the mode for which convolutions are written."""

    has_batch_norm = True

    def builder(self) -> Builder:
        return models.cnn

    def modes(self) -> tuple[str, ...]:
        return ENGINE.modes()[:1]


class TestOwnClass(TestFunctional):
    """A subclass of keras.Model."""

    has_batch_norm = False

    def builder(self) -> Builder:
        return models.Own
