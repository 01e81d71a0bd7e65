"""From a builder and a recipe to a Keras model whose variables exist."""

from __future__ import annotations

import random
import sys
from collections.abc import Mapping
from typing import Any, NamedTuple

import keras
import numpy as np

from luthier.algorithms.initialisers import Factors
from luthier.draws import draws_kept
from luthier.engines.building import called, keywords
from luthier.engines.keras.following import factors
from luthier.engines.keras.skeleton import Skeleton
from luthier.engines.serial.parts import Arrays, Start
from luthier.engines.spec import Builder
from luthier.errors import InvalidInput, Unsupported

WHERE = "Keras engine"


class Blueprint(NamedTuple):
    """What every model of a population is built from."""

    builder: Builder
    settings: dict[str, Any]
    inputs: int
    outputs: int

    def build(self, seed: int) -> keras.Model:
        """A new model with its variables; its random start depends on the seed only.

        Raises:
            InvalidInput: the builder does not take a setting, or returns something else.
            Unsupported: a model that luthier can not train as it is meant; it says why.
        """
        arguments = keywords(self.builder, self.settings, {"inputs": self.inputs, "outputs": self.outputs})
        with draws_kept():
            _seed(seed)
            model = self.builder(**arguments)
            if not isinstance(model, keras.Model):
                raise InvalidInput(
                    f"{called(self.builder)} returned {type(model).__name__}",
                    must="it returns a keras.Model",
                    where=WHERE,
                    remedy="Return the model itself",
                )
            self._give_variables(model)
        self._check(model)
        return model

    def look(self) -> tuple[Skeleton, Start]:
        """(structure, arrays) of a model of seed 0."""
        skeleton = Skeleton(self.build(seed=0), self.inputs)
        return skeleton, skeleton.start()

    def start(self, seed: int) -> Start:
        """A new model's arrays, numpy."""
        return Skeleton(self.build(seed), self.inputs).start()

    def factors(self, init: str) -> Factors:
        """What an initialiser is multiplied by in each kernel, by the activation after its layer."""
        model = self.build(seed=0)
        weights, _, _ = Skeleton(model, self.inputs, lifted=False).variables()
        return factors(model, {id(variable): name for name, variable in weights.items()}, init)

    def module(self, arrays: Arrays, seed: int, rates: Mapping[str, float]) -> keras.Model:
        """The model as the builder makes it, with these arrays; its settings decide its rates."""
        del rates
        model = self.build(seed)
        Skeleton(model, self.inputs, lifted=False).load_(arrays.weights, arrays.buffers)
        return model

    def _give_variables(self, model: keras.Model) -> None:
        """A model that was not told the shape of its inputs is shown one row of numbers."""
        if model.built:
            return
        try:
            model(keras.Input((self.inputs,)))
        except Exception as error:  # whatever a layer says to rows of numbers
            first, *_ = str(error).strip().splitlines() or [type(error).__name__]
            raise Unsupported(
                f"{called(self.builder)}: the model has no input shape, and does not take rows of {self.inputs} "
                f"numbers: {first}",
                where=WHERE,
                remedy="Begin with keras.Input((...)), the shape of one row of the data",
            ) from None

    def _check(self, model: keras.Model) -> None:
        name = called(self.builder)
        constrained = any(v.constraint is not None for v in model.trainable_variables)
        refused = (
            (
                model.compiled,
                "returned a compiled model: its optimizer, loss and metrics would be left out",
                "Leave model.compile(...) out: luthier brings the loss, and tunes the optimizer",
            ),
            (
                not model.trainable_variables,
                "returned a model without trainable weights",
                "Leave `trainable` on in at least one layer",
            ),
            (
                constrained,
                "returned a model with constraints on its weights, which luthier's update rules do not keep",
                "Leave kernel_constraint and bias_constraint out",
            ),
        )
        for holds, fact, remedy in refused:
            if holds:
                raise Unsupported(f"{name} {fact}", where=WHERE, remedy=remedy)


def _seed(seed: int) -> None:
    """All generators that a builder may draw from. Keras' own initializers draw their seeds from Python's."""
    if "tensorflow" in sys.modules:  # else it would load TensorFlow, whatever the backend
        keras.utils.set_random_seed(seed & 0xFFFFFFFF)
    random.seed(seed)
    np.random.seed(seed & 0xFFFFFFFF)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(seed)
