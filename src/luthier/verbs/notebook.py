"""A notebook's cell as a watcher: it shows where the run stands, and at the end the verdict.

IPython is imported only where it is already there, because a notebook runs. Whoever calls `tune` in a plain Python, a
script or a terminal IPython sees nothing of this.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from luthier.records import Facts, Progress, RunPlan, RunRecord
from luthier.reports.notebook import lines_html, progress_html
from luthier.reports.terminal import plan_lines, progress_lines
from luthier.verbs.session import Watcher

KERNEL = "ZMQInteractiveShell"
"""The shell of a notebook's kernel; that of Colab is derived from it."""


def in_notebook() -> bool:
    """Does this program answer to a notebook?"""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return any(kind.__name__ == KERNEL for kind in type(shell).__mro__)


def usual_watcher() -> Watcher:
    """Who is shown a run if nobody was named: the cell of a notebook, else nobody."""
    return NotebookWatcher() if in_notebook() else Watcher()


class NotebookWatcher(Watcher):
    """Redraws one output of the cell; a text stands beside the HTML for those who show no HTML."""

    def __init__(self) -> None:
        self.plan: RunPlan | None = None
        self.facts: Facts | None = None
        self.said: list[str] = []
        self.output: Any = None

    def planned(self, plan: RunPlan, facts: Facts) -> None:
        """The plan, before the start."""
        self.plan, self.facts = plan, facts
        self._show(lines_html(plan_lines(plan, facts)), plan_lines(plan, facts))

    def progress(self, progress: Progress) -> None:
        """Where the run stands."""
        html = progress_html(progress, self.plan, self.facts, said=self.said)
        self._show(html, [*progress_lines(progress, self.plan, self.facts), *self.said])

    def interrupted(self) -> None:
        """The first interrupt of the kernel."""
        self.said.append(
            "Ending the search; what the budget allows is still confirmed. A second interrupt stops at once."
        )

    def remark(self, text: str) -> None:
        """A line that stays."""
        self.said.append(text)

    def finished(self, record: RunRecord, report: Path) -> None:
        """The verdict in one sentence; the run itself, as the value of a cell, shows the rest."""
        lines = [record.verdict, *self.said, f"Report: {report}"]
        self._show(lines_html(lines), lines)

    def _show(self, html: str, lines: list[str]) -> None:
        bundle = {"text/html": html, "text/plain": "\n".join(lines)}
        if self.output is None:
            from IPython.display import display

            self.output = display(bundle, raw=True, display_id=True)
        else:
            self.output.update(bundle, raw=True)
