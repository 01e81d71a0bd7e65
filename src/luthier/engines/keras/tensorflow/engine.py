"""Keras models on TensorFlow's default device."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from luthier.engines.grouping import Grouping
from luthier.engines.keras.build import WHERE, Blueprint
from luthier.engines.keras.foreign import FITS, KerasRule
from luthier.engines.keras.probabilities import logits_only
from luthier.engines.keras.tensorflow.losses import LOSSES
from luthier.engines.keras.tensorflow.program import GRAPH, JIT, Program
from luthier.engines.outside import Maker
from luthier.engines.serial.looks import Looks, Plans, Programs, check_asked
from luthier.engines.serial.parts import Placed, narrow
from luthier.engines.serial.population import SerialPopulation
from luthier.engines.spec import Builder, GroupKey, Loss, Source
from luthier.recipe import Recipe

MODES = {GRAPH.name: False, JIT.name: True}


class TensorflowEngine:
    """See `luthier.engines.spec.Engine`.

    Args:
        inputs, outputs: widths of the data, for builders that ask for them.
    """

    name = "keras"
    framework = "keras"

    def __init__(self, inputs: int, outputs: int) -> None:
        self._looks = Looks(lambda builder, settings: Blueprint(builder, settings, inputs, outputs))
        self._programs = Programs()

    def modes(self) -> tuple[str, ...]:
        """A graph, and the same compiled by XLA: quicker on some models, six times slower on convolutions."""
        return tuple(MODES)

    def inspect(self, builder: Builder, recipe: Recipe) -> GroupKey:
        """What the trial's program depends on: the structure of its model, not its dropout rates."""
        return self._looks.key(builder, recipe)

    def open(self, builder: Builder, recipe: Recipe, loss: Loss, mode: str, P: int = 1) -> SerialPopulation:
        """A population of width P. Those of one structure and loss share their graphs.

        Raises:
            Unsupported: an unknown mode or loss, one's own loss, an optimizer of another framework, or a model that
                can not be trained as it is meant.
        """
        loss = loss.of(recipe)
        check_asked(loss, mode, modes=MODES, losses=LOSSES, where=WHERE)
        look, grouping = self._looks.checked(builder, recipe), Grouping.of(recipe)

        def make() -> Program:
            skeleton: Any = look.source.look()[0]
            return Program(logits_only(skeleton, loss), loss, jit=MODES[mode], grouping=grouping)

        program = self._programs.get((builder, look.tree, loss, mode, grouping), make)
        outside = None
        if recipe.foreign:
            outside = KerasRule(Maker.of(recipe, given=0, fits=FITS, where=WHERE), WHERE)
        return SerialPopulation(Plans(self._looks, builder, look, recipe.model, WHERE), program, P, outside=outside)

    def place(self, source: Source) -> Placed:
        """Data on the device, once, as 32-bit numbers.

        Raises:
            Unsupported: inputs that are a dict or a tuple, or training batches from loaders.
        """
        return Placed(*map(tf.constant, narrow(source, WHERE)))
