"""From a builder and a recipe to a Flax NNX model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
from flax import nnx

from luthier.algorithms.initialisers import Factors
from luthier.engines.building import called, keywords
from luthier.engines.jax.following import factors
from luthier.engines.jax.model import NnxStructure, split, threefry
from luthier.engines.serial.parts import Arrays, Start, seed_words
from luthier.engines.spec import Builder
from luthier.errors import InvalidInput, Unsupported


class Blueprint(NamedTuple):
    """What every model of a population is built from."""

    builder: Builder
    settings: dict[str, Any]
    inputs: int
    outputs: int

    def look(self) -> tuple[NnxStructure, Start]:
        """(structure, arrays) of a model of seed 0."""
        return split(self.build(seed=0))

    def start(self, seed: int) -> Start:
        """A new model's arrays: a function of the seed."""
        return split(self.build(seed))[1]

    def factors(self, init: str) -> Factors:
        """What an initialiser is multiplied by in each kernel, by the activation after its layer."""
        return factors(self.build(seed=0), init)

    def module(self, arrays: Arrays, seed: int, rates: Mapping[str, float]) -> nnx.Module:
        """The model with these arrays and rates, in evaluation mode."""
        structure, _ = split(self.build(seed))
        return structure.merged(arrays.weights, arrays.buffers, rates=rates)

    def build(self, seed: int) -> nnx.Module:
        """A fresh model: its settings, and `inputs`, `outputs` and `rngs` where the builder asks for them.

        Raises:
            InvalidInput: the builder does not take a setting, or returns something else.
            Unsupported: nothing to train.
        """
        rngs = nnx.Rngs(threefry(seed_words(seed)))
        offered = {"inputs": self.inputs, "outputs": self.outputs, "rngs": rngs}
        model = self.builder(**keywords(self.builder, self.settings, offered))
        if not isinstance(model, nnx.Module):
            raise InvalidInput(
                f"{called(self.builder)} returned {type(model).__name__}",
                must="it returns a flax.nnx.Module",
                where="JAX engine",
                remedy="Return the model itself",
            )
        if not jax.tree.leaves(nnx.state(model, nnx.Param)):
            raise Unsupported(
                f"{called(self.builder)} returned a model without nnx.Param",
                where="JAX engine",
                remedy="Keep what is to be trained in nnx.Param",
            )
        return model
