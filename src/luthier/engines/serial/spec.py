"""What a framework supplies, so that a population of slots one after another can be made of it."""

from __future__ import annotations

from typing import Any, Protocol

from luthier.engines.serial.parts import Arrays, Chunk, Placed, Shapes, Start, Tree
from luthier.engines.spec import Array, Mode


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


class Program(Protocol):
    """The compiled functions of one structure and one loss; arrays are handed in."""

    mode: Mode
    structure: Structure

    def array(self, value: Array) -> Any:
        """A copy on the device."""
        ...

    def init_optimizer(self, rule: str, weights: Tree) -> dict[str, Tree]:
        """State of an update rule before the first step."""
        ...

    def check_targets(self, data: Placed) -> None:
        """Refuse targets that do not fit the loss."""
        ...

    def advance(self, rule: str, arrays: Arrays, data: Placed, chunk: Chunk) -> tuple[Arrays, Any, Any]:
        """(arrays, loss_S, grad_norm_S) after a chunk; `arrays` is consumed."""
        ...

    def predict(self, arrays: Arrays, data: Placed, rows: Array) -> Any:
        """float32 [n, C], evaluation mode."""
        ...

    def evaluate(self, arrays: Arrays, data: Placed, rows: Array) -> Any:
        """float32 [n]."""
        ...

    def probe(self, arrays: Arrays, data: Placed, rows: Array) -> Tree:
        """{"loss", "grad_norm", "weight_norm"}: []."""
        ...
