"""Flax NNX models on JAX's default device."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from luthier.algorithms.losses import LOSSES
from luthier.engines.jax.build import Blueprint
from luthier.engines.jax.model import split
from luthier.engines.jax.population import SCAN, JaxPopulation
from luthier.engines.jax.program import Program
from luthier.engines.jax.step import Placed
from luthier.engines.spec import Array, Builder, GroupKey, Loss, Source, program_of
from luthier.errors import Unsupported
from luthier.recipe import Recipe
from luthier.records import digest


class JaxEngine:
    """See `luthier.engines.spec.Engine`.

    Args:
        inputs, outputs: widths of the data, for builders that ask for them.
    """

    name = "jax"
    framework = "jax"

    def __init__(self, inputs: int, outputs: int) -> None:
        self._sizes = (inputs, outputs)
        self._programs: dict[tuple[Builder, str, Loss], Program] = {}

    def modes(self) -> tuple[str, ...]:
        """The one mode: slots one after another, each a compiled loop over the steps of a chunk."""
        return (SCAN.name,)

    def inspect(self, builder: Builder, recipe: Recipe) -> GroupKey:
        """What the trial's program depends on.

        Plain numbers inside the model (a dropout rate) are part of the program: recipe.model belongs to the
        key. The loss is not known here, and left empty: it is one for all trials of a task.
        """
        structure, weights, _ = split(self._blueprint(builder, recipe).build(seed=0))
        dtypes = sorted({str(weight.dtype) for weight in weights.values()})
        tree = {"weights": structure.weights, "buffers": structure.buffers, "model": recipe.model} | program_of(
            recipe
        )
        return GroupKey(digest(tree), ", ".join(dtypes), recipe.batch_size)

    def open(self, builder: Builder, recipe: Recipe, loss: Loss, mode: str, P: int = 1) -> JaxPopulation:
        """A population of width P. Those of one builder, recipe.model and loss share their compiled code.

        Raises:
            Unsupported: an unknown mode or loss.
        """
        loss = loss.of(recipe)
        for word, value, known in (("mode", mode, self.modes()), ("loss", loss.name, tuple(LOSSES))):
            if value not in known:
                raise Unsupported(
                    f"{word}={value!r}", must=f"{word} is one of {', '.join(known)}", where="JAX engine"
                )
        if recipe.foreign:
            raise Unsupported(
                f"optimizer={recipe.optimizer!r}",
                must="a rule of the rulebook",
                where="JAX engine",
                remedy="Optimizers of a library train in the torch engine only",
            )
        key = (builder, digest(recipe.model), loss)
        if key not in self._programs:
            structure, *_ = split(self._blueprint(builder, recipe).build(seed=0))
            self._programs[key] = Program(structure, loss)
        return JaxPopulation(self._blueprint(builder, recipe), self._programs[key], P)

    def _blueprint(self, builder: Builder, recipe: Recipe) -> Blueprint:
        return Blueprint(builder, dict(recipe.model), *self._sizes)

    def place(self, source: Source) -> Placed:
        """Data on the device, once, as 32-bit numbers.

        Raises:
            Unsupported: inputs that are a dict or a tuple, or training batches from loaders.
        """
        if source.stream is not None:
            raise Unsupported("loaders", must="rows in memory", where="JAX engine", remedy="Pass data=(X, y)")
        if source.tree is not None:
            raise Unsupported(
                "inputs that are a dict or a tuple", must="one array", where="JAX engine",
                remedy="Join them into one array, and part it inside the model",
            )  # fmt: skip
        return Placed(jnp.array(_narrow(source.inputs)), jnp.array(_narrow(source.targets)))


def _narrow(array: Any) -> Array:
    """Real numbers as float32, whole ones and truth values as int32: JAX's own default, whatever is set."""
    array = np.asarray(array)
    narrow: Array = array.astype(np.float32 if np.issubdtype(array.dtype, np.floating) else np.int32)
    return narrow
