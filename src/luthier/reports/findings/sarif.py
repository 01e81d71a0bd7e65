"""The diagnosis in the Static Analysis Results Interchange Format, SARIF 2.1.0 (OASIS, 2020).

Findings are results, consequences too, with a link to the result of their cause. What a comment silenced is a
suppressed result. What could not be judged, and luthier's own faults, are notifications of the run.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from luthier.findings import Edit, Finding, Place, Severity
from luthier.reports.findings.view import Rule, View, absolute, relative, walk

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
LEVELS: dict[Severity, str] = {"error": "error", "warning": "warning", "info": "note"}
BASE = "SRCROOT"


def text(view: View, rules: Mapping[str, Rule]) -> str:
    """The log as it is written; `rules` names the checks by code."""
    return json.dumps(log(view, rules), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def log(view: View, rules: Mapping[str, Rule]) -> dict[str, Any]:
    """A SARIF log with one run."""
    diagnosis = view.diagnosis
    shown = [(f, cause, False) for f, cause in walk(diagnosis.findings)]
    shown += [(f, cause, True) for f, cause in walk(diagnosis.ignored)]
    codes = sorted({f.code for f, _, _ in shown} | {u.code for u in diagnosis.unknown if u.code in rules})
    known = {c: rules.get(c) or Rule(next(f.title for f, _, _ in shown if f.code == c), "", "") for c in codes}
    driver = {
        "name": "luthier",
        "semanticVersion": view.version,
        "rules": [_rule(code, rule) for code, rule in known.items()],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {BASE: {"uri": PurePath(view.root).as_uri().rstrip("/") + "/"}},
        "invocations": [_invocation(view, codes)],
        "results": [_result(view, f, cause, codes.index(f.code), silenced) for f, cause, silenced in shown],
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(code: str, rule: Rule) -> dict[str, Any]:
    page = rule.page.strip()
    said: dict[str, Any] = {"id": code, "name": _name(rule.title), "shortDescription": {"text": rule.title}}
    if page:
        first = page.partition("\n\n")[0].replace("\n", " ")
        said |= {"fullDescription": {"text": first}, "help": {"text": page, "markdown": page}}
    return said | {"properties": {"tags": ["deep-learning"], **({"tier": rule.tier} if rule.tier else {})}}


def _name(title: str) -> str:
    """A title as the one word in Pascal case that SARIF asks for."""
    words = "".join(c if c.isalnum() else " " for c in title).split()
    return "".join(word[:1].upper() + word[1:] for word in words) or "Check"


def _result(view: View, finding: Finding, cause: Finding | None, index: int, silenced: bool) -> dict[str, Any]:
    said: dict[str, Any] = {
        "ruleId": finding.code,
        "ruleIndex": index,
        "level": LEVELS[finding.severity],
        "message": {"text": _message(finding)},
        "locations": _locations(view, finding.place),
        "partialFingerprints": {"luthier/v1": _fingerprint(view, finding)},
        "properties": _properties(finding, cause),
    }
    related = [(place, "belongs to it") for place in finding.others]
    if cause and cause.place:
        related.append((cause.place, f"follows from {cause.code} here"))
    if related:
        said["relatedLocations"] = [
            _location(view, place) | {"id": i, "message": {"text": words}} for i, (place, words) in enumerate(related)
        ]
    if finding.edits:
        said["fixes"] = [
            {"description": {"text": finding.remedy or "mend"}, "artifactChanges": _changes(view, finding)}
        ]
    if silenced:
        said["suppressions"] = [{"kind": "inSource"}]
    return said


def _message(finding: Finding) -> str:
    parts = [finding.text, finding.cause, finding.remedy and f"Mend: {finding.remedy}"]
    return " ".join(part.strip() for part in parts if part)


def _properties(finding: Finding, cause: Finding | None) -> dict[str, Any]:
    """What SARIF has no field for."""
    said: dict[str, Any] = {"certain": finding.certain, "n": finding.n}
    if finding.step is not None:
        said["step"] = finding.step
    if finding.right:
        said |= {"wrong": finding.wrong, "right": finding.right}
    if cause:
        said["followsFrom"] = cause.code
    return said


def _locations(view: View, place: Place | None) -> list[dict[str, Any]]:
    """A result without a line points at the first one of the program, since readers leave out those without."""
    if place is None and view.script:
        place = Place(file=view.script, line=1)
    return [_location(view, place)] if place else []


def _location(view: View, place: Place) -> dict[str, Any]:
    region: dict[str, Any] = {"startLine": max(place.line, 1)}
    if place.text:
        region["snippet"] = {"text": place.text}
    return {"physicalLocation": {"artifactLocation": _artifact(view, place.file), "region": region}}


def _artifact(view: View, file: str) -> dict[str, Any]:
    if absolute(view, file):
        return {"uri": PurePath(file).as_uri()}
    return {"uri": quote(relative(view, file)), "uriBaseId": BASE}


def _changes(view: View, finding: Finding) -> list[dict[str, Any]]:
    files = dict.fromkeys(edit.file for edit in finding.edits)
    return [
        {
            "artifactLocation": _artifact(view, file),
            "replacements": [_replacement(edit) for edit in finding.edits if edit.file == file],
        }
        for file in files
    ]


def _replacement(edit: Edit) -> dict[str, Any]:
    """Whole lines, from the start of the first to the start of the one behind the last."""
    region = {"startLine": edit.line, "startColumn": 1, "endLine": edit.line + len(edit.old), "endColumn": 1}
    said: dict[str, Any] = {"deletedRegion": region}
    return said | ({"insertedContent": {"text": "".join(line + "\n" for line in edit.new)}} if edit.new else {})


def _fingerprint(view: View, finding: Finding) -> str:
    """The same for the same finding when lines above it come or go."""
    place = finding.place
    parts = (finding.code, relative(view, place.file) if place else "", place.text if place else "")
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def _invocation(view: View, codes: list[str]) -> dict[str, Any]:
    diagnosis = view.diagnosis
    said: dict[str, Any] = {
        "commandLine": f"luthier check {diagnosis.program}",
        "executionSuccessful": not diagnosis.faults,
        "toolExecutionNotifications": [
            *(
                {
                    "level": "none",
                    "message": {"text": " ".join(f"not judged: {u.reason} {u.needs}".split())},
                    **({"associatedRule": {"id": u.code, "index": codes.index(u.code)}} if u.code in codes else {}),
                }
                for u in diagnosis.unknown
            ),
            *({"level": "warning", "message": {"text": words}} for _, words in view.notes),
            *(
                {"level": "error", "message": {"text": f"luthier's own fault in {f.part}: {f.error}"}}
                for f in diagnosis.faults
            ),
        ],
    }
    return said
