"""`luthier.report`: the HTML page of a run, made from its records alone."""

from __future__ import annotations

from pathlib import Path

from luthier.reports.html import render
from luthier.runs.folder import RunFolder, write_text_atomic
from luthier.verbs.result import Run


def report(folder: str | Path) -> Run:
    """Write `report.html` of a run again from run.json; runs no code from the folder.

    Raises:
        RunFolderError: there is no run, or it cannot be read or written.
    """
    run = Run.open(folder)
    write_text_atomic(RunFolder(run.folder).report, render(run.record))
    return run
