"""The report as one self-contained page: no network, no fonts, readable without scripts.

Names in it come from people's data. Jinja2 escapes everything that the template prints; charts escape their
own text (`luthier.reports.svg`). A content security policy forbids the page to load anything and to run any
script but its own, named by its hash.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import importlib.resources
from typing import Any

from luthier.records import RunRecord
from luthier.reports import charts
from luthier.reports.model import ReportModel
from luthier.reports.view import view


def render(record: RunRecord) -> str:
    """The whole page for a run's record."""
    return page(view(record))


def page(model: ReportModel) -> str:
    """The whole page for a report."""
    from markupsafe import Markup

    style, script = _style(), resource("report.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return str(
        template().render(
            report=model,
            charts={name: Markup(drawn) for name, drawn in draw(model).items()},
            style=Markup(style),
            script=Markup(script),
            script_hash=f"sha256-{digest}",
        )
    )


def draw(model: ReportModel) -> dict[str, str]:
    """All charts of a report by name; a chart that has nothing to show is absent."""
    drawn = {"cost": charts.bars("cost", model.cost.bars)} if model.cost.bars else {}
    if model.differences:
        drawn["differences"] = charts.dots("differences", model.differences)
    if model.noise and model.noise.runs:
        drawn["noise"] = charts.dots("noise", model.noise.runs)
    if model.optimism and model.optimism.chart:
        drawn["optimism"] = charts.dots("optimism", model.optimism.chart)
    if model.curves:
        drawn["curves-wide"] = charts.curves("curves-wide", model.curves, wide=True)
        drawn["curves-narrow"] = charts.curves("curves-narrow", model.curves, wide=False)
    for i, chart in enumerate(model.slices.charts if model.slices else ()):
        drawn[f"slice-{i}"] = charts.scatter(f"slice-{i}", chart)
    if model.parallel:
        drawn["parallel"] = charts.parallel("parallel", model.parallel)
    if model.confusion and model.confusion.counts:
        drawn["confusion"] = charts.confusion("confusion", model.confusion)
    if model.residuals:
        drawn["residuals"] = charts.scatter("residuals", model.residuals)
    return drawn


def _style() -> str:
    """The colours of both themes, the charts, the page: media rules of the page come last."""
    light, dark = resource("light.css"), resource("dark.css")
    return (
        f":root {{\ncolor-scheme: light dark;\n{light}}}\n"
        f"@media (prefers-color-scheme: dark) {{\n:root {{\n{dark}}}\n}}\n"
        f"{resource('charts.css')}{resource('report.css')}"
    )


def resource(name: str) -> str:
    """A file of `templates/`, as text."""
    return importlib.resources.files("luthier.reports").joinpath("templates", name).read_text("utf-8")


@functools.cache
def template(name: str = "report.html.j2") -> Any:
    """A template; everything that it prints is escaped."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(resource),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)
