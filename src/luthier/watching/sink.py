"""Where the watches of Keras and JAX put what they see: the part of the recorder that they use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from luthier.findings import Place
from luthier.watching.fits import Evaluated, Fit, Taped


class Sink(Protocol):
    """A recorder, as the watches of Keras and JAX need it.

    `stepped` is called after optimizer steps, outside compiled code; it may raise to end the program. `safely` gives
    our own work back as a function that never raises (the result is None then, and a fault is noted). `place` is the
    person's line that is running.
    """

    evaluations_done: bool

    @property
    def fits(self) -> list[Fit]:
        """Calls of Keras' fit."""
        ...

    @property
    def evaluated(self) -> list[Evaluated]:
        """Calls of Keras' evaluate."""
        ...

    @property
    def taped(self) -> list[Taped]:
        """Layers called under tapes of the person's own."""
        ...

    @property
    def programs(self) -> list[Any]:
        """Functions that JAX differentiated."""
        ...

    def stepped(self, num_steps: int = 1) -> None:
        """Optimizer steps were taken; may raise to end the program."""
        ...

    def safely(self, part: str, work: Callable[..., Any]) -> Callable[..., Any]:
        """Our own work as a function that never raises."""
        ...

    def place(self, depth: int = 2) -> Place | None:
        """The line of the person that is running."""
        ...


def guarded(sink: Sink, part: str, work: Callable[..., Any], *args: Any) -> Any:
    """The result of our own work; None where it raises, which becomes a fault."""
    return sink.safely(part, work)(*args)
