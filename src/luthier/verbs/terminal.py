"""The terminal as a watcher: progress on stderr, the verdict on stdout."""

from __future__ import annotations

import sys
from pathlib import Path

from luthier.records import Facts, Progress, RunPlan, RunRecord
from luthier.reports.terminal import Live, print_plan, print_verdict
from luthier.verbs.session import Watcher


class TerminalWatcher(Watcher):
    """Shows a run while it goes on; quiet where stderr is no terminal."""

    def __init__(self, *, verdict: bool = True) -> None:
        self.verdict = verdict
        self.live = Live(sys.stderr)

    def planned(self, plan: RunPlan, facts: Facts) -> None:
        """The plan, before the start."""
        print_plan(plan, facts, sys.stderr)
        self.live.start(plan, facts)

    def progress(self, progress: Progress) -> None:
        """The live lines."""
        self.live.update(progress)

    def finished(self, record: RunRecord, report: Path) -> None:
        """The verdict."""
        self.live.stop()
        if self.verdict:
            print_verdict(record, report, sys.stdout)
