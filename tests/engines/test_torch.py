"""The torch engine keeps the contract, and what is its own."""

from __future__ import annotations

from luthier.engines.conformance import EngineConformance
from luthier.engines.spec import Builder, Engine
from luthier.engines.torch import TorchEngine

from . import models

ENGINE = TorchEngine(inputs=64, outputs=10)


class TestMLP(EngineConformance):
    """With dropout."""

    def engine(self) -> Engine:
        return ENGINE

    def builder(self) -> Builder:
        return models.mlp

    def dropout_builder(self) -> Builder:
        return models.two_dropouts


class TestCNN(TestMLP):
    """With BatchNorm."""

    has_batch_norm = True

    def builder(self) -> Builder:
        return models.cnn
