"""`luthier export`: copies of a run, made from its folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from luthier.errors import LuthierError
from luthier.sinks import Sink, sinks_of
from luthier.sinks.stream import replay
from luthier.verbs.replay import reread


def export(folder: str | Path, *, sinks: Sequence[str | Sink]) -> list[str]:
    """Tell sinks of a whole run; one sentence each. Told again, a sink makes the same copy, not a second one.

    Raises:
        RunFolderError: there is no run, or it cannot be read.
        InvalidInput, MissingExtra: there is no such sink, or its package is missing.
        LuthierError: a sink did not take it.
    """
    made = sinks_of(sinks)
    place, record = reread(folder)
    said = []
    for sink in made:
        try:
            replay(record, place.path, sink)
        except LuthierError:
            raise
        except Exception as error:  # a tracker may raise anything; --debug shows where
            raise LuthierError(
                f"the sink {sink.name} did not take the run: {type(error).__name__}: {error}",
                remedy="Mend what it says and export again: nothing of the run is lost",
            ) from error
        num_trials = len(record.history.trials) if record.history else 0
        said.append(f"{sink.name}: {num_trials} trials of {place.path}")
    return said
