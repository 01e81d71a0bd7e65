"""A run inside a notebook: HTML for a cell, readable in light and dark, without scripts and without a network.

A cell shares its page with others, so every rule stands inside of `.luthier` and every id bears the run's own name.
The theme is the notebook's where it says so (JupyterLab, VS Code, Colab), else that of the browser.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Sequence
from typing import Any

from luthier.records import Facts, Progress, RunPlan, RunRecord
from luthier.reports import charts
from luthier.reports.html import resource, template
from luthier.reports.model import ReportModel
from luthier.reports.terminal import phase_shares, progress_lines
from luthier.reports.view import view

DARK = ("body[data-jp-theme-light='false']", "body.vscode-dark", "html[theme='dark']", "html[data-theme='dark']")
LIGHT = ("body[data-jp-theme-light='true']", "body.vscode-light", "html[theme='light']", "html[data-theme='light']")
"""Where notebooks say which theme they have."""


def run_html(record: RunRecord, link: str = "") -> str:
    """The verdict, the figures, the deciding change and the main charts; `link` leads to the whole report."""
    model = view(record)
    return _drawn(
        "run.html.j2",
        report=model,
        charts=_charts(model, hashlib.sha256(f"{record.name}{record.created}".encode()).hexdigest()[:8]),
        changes=next((entry for entry in model.ledger if entry.deciding), None),
        link=link,
    )


def progress_html(
    progress: Progress, plan: RunPlan | None = None, facts: Facts | None = None, *, said: Sequence[str] = ()
) -> str:
    """Where a run stands: a bar of its phases, the lines of the terminal, and what was said."""
    phases = phase_shares(progress, plan) if plan else ()
    return _drawn("progress.html.j2", phases=phases, lines=[*progress_lines(progress, None, facts), *said])


def lines_html(lines: Sequence[str]) -> str:
    """Some lines, the first one set off."""
    return _drawn("progress.html.j2", phases=(), lines=lines)


def _charts(model: ReportModel, own: str) -> dict[str, Any]:
    from markupsafe import Markup

    drawn = {}
    if model.differences:
        drawn["differences"] = Markup(charts.dots(f"differences-{own}", model.differences))
    if model.curves:
        drawn["curves"] = Markup(charts.curves(f"curves-{own}", model.curves, wide=True))
    return drawn


def _drawn(name: str, **shown: Any) -> str:
    from markupsafe import Markup

    return str(template(name).render(style=Markup(_style()), **shown))


@functools.cache
def _style() -> str:
    light, dark = resource("light.css"), resource("dark.css")
    return (
        f".luthier {{ color-scheme: light dark;\n{light}}}\n"
        f"@media (prefers-color-scheme: dark) {{ .luthier {{\n{dark}}} }}\n"
        f":is({', '.join(DARK)}) .luthier {{ color-scheme: dark;\n{dark}}}\n"
        f":is({', '.join(LIGHT)}) .luthier {{ color-scheme: light;\n{light}}}\n"
        f".luthier {{\n{resource('charts.css')}}}\n{resource('notebook.css')}"
    )
