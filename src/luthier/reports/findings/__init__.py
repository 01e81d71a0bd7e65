"""The diagnosis of a program for people and for programs: `view` says what is shown, renderers write it.

diagnosis -> view.View -> text | json | sarif | github
"""

from __future__ import annotations

from collections.abc import Mapping

from luthier.reports.findings import github, json, sarif, text
from luthier.reports.findings.text import summary
from luthier.reports.findings.view import Rule, View

__all__ = ["rendered", "summary"]


def rendered(view: View, form: str, rules: Mapping[str, Rule] | None = None, *, colour: bool = False) -> str:
    """The report in one of its forms: "text", "json", "sarif" or "github"; `rules`: the checks by code, for SARIF."""
    if form == "json":
        return json.text(view)
    if form == "sarif":
        return sarif.text(view, rules or {})
    if form == "github":
        return github.text(view)
    return "\n".join(text.lines(view, colour=colour)) + "\n"
