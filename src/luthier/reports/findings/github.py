"""The diagnosis as annotations of GitHub Actions: `::error file=...,line=...,title=...::message`, one a finding."""

from __future__ import annotations

from luthier.findings import Finding, Severity
from luthier.reports.findings.view import View, relative, where
from luthier.reports.words import clean

LEVELS: dict[Severity, str] = {"error": "error", "warning": "warning", "info": "notice"}


def text(view: View) -> str:
    """One line a finding; consequences stand in the message of their cause."""
    return "".join(_annotation(view, finding) + "\n" for finding in view.diagnosis.findings)


def _annotation(view: View, finding: Finding) -> str:
    file = finding.place.file if finding.place else view.script
    spot = f"file={_value(relative(view, file))}," if file else ""
    spot += f"line={finding.place.line}," if finding.place else ""
    said = [finding.text, finding.cause, finding.remedy and f"Mend: {finding.remedy}"]
    said += [f"{name}:\n{code}" for name, code in (("Wrong", finding.wrong), ("Right", finding.right)) if code]
    said += [f"Follows from it: {where(view, c.place)}: {c.code} {c.text}" for c in finding.consequences]
    title = _value(f"{finding.code} {finding.title}")
    message = "\n".join(clean(row.expandtabs(4)) for part in said if part for row in part.splitlines())
    return f"::{LEVELS[finding.severity]} {spot}title={title}::{_data(message)}"


def _data(words: str) -> str:
    return words.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _value(words: str) -> str:
    """A property also parts at colons and commas."""
    return _data(words).replace(":", "%3A").replace(",", "%2C")
