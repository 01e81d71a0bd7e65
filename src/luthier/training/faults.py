"""An exception on its way from a worker to the driver: as an event, and back."""

from __future__ import annotations

import sys

from luthier import errors
from luthier.errors import LuthierError, TrainingFailed
from luthier.training.group import Event, peak_bytes


def out_of_memory(error: Exception) -> bool:
    """Was there too little memory? Frameworks have an error of their own for that of a GPU."""
    return isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"


def error_event(error: Exception, *, doing: str, trial: int | None) -> Event:
    """An exception as an event; the traceback goes to the worker's log."""
    import traceback

    traceback.print_exc(file=sys.stderr)
    event: Event = {
        "event": "error",
        "doing": doing,
        "trial": trial,
        "memory": out_of_memory(error),
        "peak_bytes": peak_bytes(),
    }
    if isinstance(error, LuthierError):
        parts = {"fact": error.fact, "must": error.must, "where": error.where, "remedy": error.remedy}
        return {**event, "class": type(error).__name__, **parts}
    return {
        **event,
        "class": "TrainingFailed",
        "fact": f"{type(error).__name__}: {error}",
        "must": "",
        "where": f"the model's own code, while luthier did {doing!r}",
        "remedy": "",
    }


def as_error(event: Event) -> LuthierError:
    """The error that a worker reported, as the exception that it was."""
    kind = getattr(errors, event["class"], TrainingFailed)
    made: LuthierError = kind(event["fact"], must=event["must"], where=event["where"], remedy=event["remedy"])
    return made
