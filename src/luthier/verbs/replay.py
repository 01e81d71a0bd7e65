"""A run read back from its folder, as far as its journal goes."""

from __future__ import annotations

from pathlib import Path

import msgspec

from luthier.errors import InvalidInput
from luthier.playbook.rounds import history_of
from luthier.records import RunRecord
from luthier.runs.folder import RunFolder
from luthier.runs.journal import read
from luthier.training.ledger import Ledger


def reread(folder: str | Path) -> tuple[RunFolder, RunRecord]:
    """The record of a run with the trials of its journal; runs no code from the folder.

    run.json is rewritten at the end of a stage, so that of a run that goes on lags behind its journal.

    Raises:
        RunFolderError: there is no run, or it cannot be read.
        InvalidInput: the run has no plan yet.
    """
    place = RunFolder(Path(folder)).require()
    record = place.read_run()
    if record.facts is None or record.plan is None:
        raise InvalidInput(
            f"run {place.name!r} has no trials",
            must="the run has a plan",
            where=str(place.path),
            remedy="Wait until its baseline has trained, or go on with it by --resume",
        )
    if place.journal.exists():
        ledger = Ledger()
        ledger.replay(read(place.journal))
        trials = [ledger.trials[number] for number in sorted(ledger.trials)]
        record = msgspec.structs.replace(record, history=history_of(record.facts.metric, record.plan, trials))
    return place, record
