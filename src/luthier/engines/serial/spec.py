"""What a framework supplies, so that a population of slots one after another can be made of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from luthier.engines.grouping import Grouping
from luthier.engines.serial.outside import Outside
from luthier.engines.serial.parts import Arrays, Chunk, Placed, Shapes, Start, Tree
from luthier.engines.serial.step import Words
from luthier.engines.spec import Array, Loss, Mode


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

    def advance(self, rule: str | Outside, arrays: Arrays, data: Placed, chunk: Chunk) -> tuple[Arrays, Any, Any]:
        """(arrays, loss_S, grad_norm_S) after a chunk; `arrays` is consumed."""
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
