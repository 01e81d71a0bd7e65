"""An exception on its way from a worker to the driver: as an event, and back."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path
from typing import Any

from luthier import errors
from luthier.errors import LuthierError, TrainingFailed
from luthier.training.group import Event, peak_bytes
from luthier.watching.lines import is_users

WHILE = {
    "open": "the model was tried before the search",
    "speed": "its speed was measured",
    "modes": "the modes were timed",
    "put": "a trial was begun",
    "advance": "a trial was trained",
    "evaluate": "held-out rows were predicted",
    "train": "the program trained",
}
"""What a worker was asked for, as the person knows it."""


def out_of_memory(error: Exception) -> bool:
    """Was there too little memory? Frameworks have an error of their own for that of a GPU."""
    return isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"


def error_event(error: Exception, *, doing: str, trial: int | None) -> Event:
    """An exception as an event; the traceback goes to the worker's log."""
    traceback.print_exc(file=sys.stderr)
    told = error
    if not isinstance(told, LuthierError):
        where = f"{raised_at(error)}, while {WHILE.get(doing, doing)}"
        told = TrainingFailed(f"{type(error).__name__}: {error}", where=where)
    return {
        "event": "error",
        "doing": doing,
        "trial": trial,
        "memory": out_of_memory(error),
        "peak_bytes": peak_bytes(),
        **parts(told),
    }


def parts(error: LuthierError) -> dict[str, Any]:
    """An error as fields of an event."""
    kind = type(error).__name__
    return {"class": kind, "fact": error.fact, "must": error.must, "where": error.where, "remedy": error.remedy}


def raised_at(error: BaseException) -> str:
    """Where an exception comes from: the innermost line of the person's own code, else the innermost of all."""
    frames = traceback.extract_tb(error.__traceback__)
    at = next((frame for frame in reversed(frames) if is_users(frame.filename)), frames[-1] if frames else None)
    return f"{Path(at.filename).name} line {at.lineno}, in {at.name}" if at else "no line is known"


def as_error(event: Event) -> LuthierError:
    """The error that a worker reported, as the exception that it was."""
    kind = getattr(errors, event["class"], TrainingFailed)
    made: LuthierError = kind(event["fact"], must=event["must"], where=event["where"], remedy=event["remedy"])
    return made
