"""The terminal as a watcher: progress on stderr, the verdict on stdout."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from luthier.records import Facts, ModeSpeed, Progress, RunPlan, RunRecord
from luthier.reports.terminal import Live, print_modes, print_plan, print_verdict
from luthier.verbs.session import Watcher


class TerminalWatcher(Watcher):
    """Shows a run while it goes on, as a context; a few plain lines where stderr is no terminal."""

    def __init__(self, *, verdict: bool = True, explains_modes: bool = False) -> None:
        self.verdict, self.explains_modes = verdict, explains_modes
        self.live: Live | None = None
        self.stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stack.close()

    def modes(self, told: Sequence[ModeSpeed], chosen: str) -> None:
        """Each mode, if the person asked for it."""
        if self.explains_modes:
            print_modes(told, chosen, sys.stderr)

    def planned(self, plan: RunPlan, facts: Facts) -> None:
        """The plan, before the start."""
        print_plan(plan, facts, sys.stderr)
        self.live = self.stack.enter_context(Live(sys.stderr, plan, facts))

    def progress(self, progress: Progress) -> None:
        """The live lines."""
        if self.live is not None:
            self.live(progress)

    def interrupted(self) -> None:
        """The first Ctrl-C."""
        if self.live is not None:
            self.live.say("Ending the search; what the budget allows is still confirmed. Ctrl-C again stops at once.")

    def remark(self, text: str) -> None:
        """A line on stderr that stays."""
        if self.live is not None:
            self.live.say(text)

    def finished(self, record: RunRecord, report: Path) -> None:
        """The verdict."""
        self.stack.close()
        if self.verdict:
            print_verdict(record, str(report), sys.stdout)
