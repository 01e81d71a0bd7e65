"""What a framework supplies, so that a population can be made of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from luthier.algorithms.initialisers import Factors
from luthier.engines.grouping import Grouping
from luthier.engines.serial.outside import Outside
from luthier.engines.serial.parts import Arrays, Placed, Shapes, Start, Tree
from luthier.engines.serial.step import Words
from luthier.engines.serial.turns import Curves, Slots
from luthier.engines.spec import Array, Loss, Mode, Plan


class Structure(Protocol):
    """A model without its numbers. Two that are equal run in one program."""

    weights: Shapes
    buffers: Shapes
    rates: tuple[str, ...]  # names of the dropout rates that are data


class Source(Protocol):
    """How models are made of one builder and some settings."""

    def look(self) -> tuple[Structure, Start]:
        """(structure, arrays) of a model of seed 0."""
        ...

    def start(self, seed: int) -> Start:
        """A new model's arrays: a function of the seed."""
        ...

    def factors(self, init: str) -> Factors:
        """What an initialiser is multiplied by in each weight, by the activation after its layer."""
        ...

    def module(self, arrays: Arrays, seed: int, rates: Mapping[str, float]) -> Any:
        """A model of the framework's own with these arrays and rates, in evaluation mode."""
        ...


class Program(Protocol):
    """The compiled functions of one structure and one loss; arrays are handed in."""

    mode: Mode
    structure: Structure
    loss: Loss
    words: Words
    grouping: Grouping

    def array(self, value: Array) -> Any:
        """A copy on the device."""
        ...

    def train(
        self, slots: Slots, data: Placed, plan: Plan, *, outside: Outside | None = None
    ) -> tuple[Slots, Curves]:
        """All slots after a chunk; `slots` is consumed. Those without steps stay as they are, bit for bit.

        Args:
            outside: the optimizer of a library, for the slots whose rule it is.
        """
        ...

    def predict(self, arrays: Arrays, data: Placed, rows: Array) -> Any:
        """float32 [n, C], evaluation mode, of the weights in `arrays` whatever else they hold."""
        ...

    def evaluate(self, arrays: Arrays, data: Placed, rows: Array) -> Any:
        """float32 [n]."""
        ...

    def probe(self, arrays: Arrays, data: Placed, rows: Array) -> Tree:
        """{"loss", "grad_norm", "weight_norm"}: []."""
        ...
