"""Flax NNX models on JAX's default device."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp

from luthier.algorithms.losses import LOSSES
from luthier.engines.grouping import Grouping
from luthier.engines.jax.build import Blueprint
from luthier.engines.jax.foreign import Optax
from luthier.engines.jax.program import SCAN, STEP, Program, Structure
from luthier.engines.jax.vmap import VMAP, VmapProgram
from luthier.engines.outside import Maker
from luthier.engines.serial.looks import Looks, Plans, Programs, check_asked
from luthier.engines.serial.outside import Outside
from luthier.engines.serial.parts import Placed, narrow
from luthier.engines.serial.population import SerialPopulation
from luthier.engines.spec import Builder, GroupKey, Loss, Source
from luthier.errors import Unsupported
from luthier.recipe import Recipe

MODES = {mode.name: mode for mode in (SCAN, STEP, VMAP)}
Prepare = Callable[[Any, Loss], Structure]
Outsider = Callable[[Maker, str], Outside]


def _as_it_is(structure: Any, _loss: Loss) -> Any:
    return structure


class JaxEngine:
    """See `luthier.engines.spec.Engine`.

    Args:
        inputs, outputs: widths of the data, for builders that ask for them.
        blueprint: (builder, settings, inputs, outputs) -> how models are made: of Flax NNX, or another library's.
        prepare: what is done to a structure before it is trained by a loss.
        name: of the engine.
        fits, outside: top modules of the optimizers of libraries that it takes, and how they are made of a recipe's.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        blueprint: Callable[..., Any] = Blueprint,
        prepare: Prepare = _as_it_is,
        name: str = "jax",
        fits: tuple[str, ...] = ("optax",),
        outside: Outsider = Optax,
    ) -> None:
        self._fits, self._outside = fits, outside
        self.name = self.framework = name
        self._where = "JAX engine" if name == "jax" else f"{name.title()} engine"
        self._looks = Looks(lambda builder, settings: blueprint(builder, settings, inputs, outputs))
        self._prepare, self._programs = prepare, Programs()

    def modes(self) -> tuple[str, ...]:
        """Slots one after another, by a compiled loop over a chunk or a compiled step; or side by side."""
        return tuple(MODES)

    def inspect(self, builder: Builder, recipe: Recipe) -> GroupKey:
        """What the trial's program depends on: the structure of its model, not its dropout rates.

        The loss is not known here: it is one for all trials of a task.
        """
        return self._looks.key(builder, recipe)

    def open(self, builder: Builder, recipe: Recipe, loss: Loss, mode: str, P: int = 1) -> SerialPopulation:
        """A population of width P. Those of one builder, structure and loss share their compiled code.

        Raises:
            Unsupported: an unknown mode or loss, one's own loss, or an optimizer of another framework.
        """
        loss = loss.of(recipe)
        check_asked(loss, mode, modes=MODES, losses=LOSSES, where=self._where)
        look, grouping = self._looks.checked(builder, recipe), Grouping.of(recipe)

        def make() -> Program | VmapProgram:
            structure, _ = look.source.look()
            program = Program(self._prepare(structure, loss), loss, MODES[mode], grouping=grouping)
            return VmapProgram(program) if MODES[mode] is VMAP else program

        program = self._programs.get((builder, look.tree, loss, mode, grouping), make)
        plans = Plans(self._looks, builder, look, recipe.model, self._where)
        outside = None
        if recipe.foreign:
            if MODES[mode] is VMAP:
                raise Unsupported(
                    f"mode {mode!r} with optimizer={recipe.optimizer!r}",
                    must="a rule of the rulebook where slots train side by side",
                    where=self._where,
                    remedy="The modes that train one slot after another take it",
                )
            outside = self._outside(Maker.of(recipe, given=0, fits=self._fits, where=self._where), self._where)
        return SerialPopulation(plans, program, P, outside=outside)

    def place(self, source: Source) -> Placed:
        """Data on the device, once, as 32-bit numbers.

        Raises:
            Unsupported: inputs that are a dict or a tuple, or training batches from loaders.
        """
        return Placed(*map(jnp.array, narrow(source, self._where)))
