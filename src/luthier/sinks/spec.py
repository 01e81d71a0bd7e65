"""The contract of this room: a sink hears of a run, live or afterwards, and copies it somewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol, runtime_checkable

from luthier.records import Point, RunRecord, Trial


@runtime_checkable
class Sink(Protocol):
    """Hears of one run, in one thread. What it raises ends the sink and not the run.

    The order: `begin`; then `point` and `ended`, those of one trial in the order of its steps; `finished` if the run
    came so far; `close`, always. A run that is resumed or exported again is told from its beginning: a sink makes
    one copy of it, not two.
    """

    name: str

    def begin(self, run: RunRecord, folder: Path) -> None:
        """A run with facts and a plan. `folder` is the run's own."""
        ...

    def point(self, trial: Trial, point: Point) -> None:
        """A trial reported."""
        ...

    def ended(self, trial: Trial) -> None:
        """A trial trains no more; its status says why."""
        ...

    def finished(self, run: RunRecord) -> None:
        """The verdict is there, or what ended the run; `report.html` and `run.json` are in the folder."""
        ...

    def close(self) -> None:
        """Let go of files and connections; called once, also after a fault."""
        ...
