"""A diagnosis as one JSON object: complete enough for a program, or a coding assistant, to act on.

The structs below are the source of `docs/check.schema.json`; a test holds the file equal to `schema_text()`.
What was not measured is null; no number is NaN or infinite.
"""

from __future__ import annotations

import json
import math
from typing import Annotated, Any, Literal

import msgspec

from luthier.findings import Edit, Finding, Place, Severity
from luthier.reports.findings.view import View, counts, relative

Fact = float | int | str | bool | list[float | int | str | None] | None


def _said(text: str) -> msgspec.Meta:
    return msgspec.Meta(description=text)


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of the parts of a report."""


class Spot(Part, frozen=True, kw_only=True):
    """A line of the program."""

    file: Annotated[str, _said("path relative to `root`; absolute for a file elsewhere")]
    line: Annotated[int, _said("counted from 1")]
    function: Annotated[str | None, _said("the function that the line stands in; null: module level")]
    text: Annotated[str | None, _said("the line itself, stripped")]


class Replacement(Part, frozen=True, kw_only=True):
    """Lines to replace; all edits of a finding are applied together or not at all."""

    file: Annotated[str, _said("path relative to `root`; absolute for a file elsewhere")]
    line: Annotated[int, _said("first line that goes, counted from 1")]
    old: Annotated[list[str], _said("lines that go; empty: `new` is put before `line`")]
    new: Annotated[list[str], _said("lines that come")]


class Found(Part, frozen=True, kw_only=True):
    """One finding."""

    code: Annotated[str, _said("of the check; `luthier check --explain CODE` prints its page")]
    title: Annotated[str, _said("a few words")]
    severity: Annotated[Severity, _said("error: wrong or useless; warning: probably costs; info: a hint")]
    certain: Annotated[bool, _said("true: an exact relation; false: statistics")]
    text: Annotated[str, _said("what was measured, one sentence")]
    cause: Annotated[str, _said("why it hurts")]
    remedy: Annotated[str, _said("what to do, one sentence")]
    wrong: Annotated[str, _said("code as it is; may be empty")]
    right: Annotated[str, _said("code as it should be; may be empty")]
    place: Annotated[Spot | None, _said("null: no line can be named")]
    others: Annotated[list[Spot], _said("further lines that belong to it")]
    number: Annotated[float | None, _said("what was measured; null: the relation is exact")]
    threshold: Annotated[float | None, _said("what it is compared with")]
    n: Annotated[int, _said("samples (steps, calls, rows) behind it")]
    step: Annotated[int | None, _said("optimizer step at which it was first seen, counted from 0")]
    evidence: Annotated[dict[str, Fact], _said("further measured facts by name")]
    edits: Annotated[list[Replacement], _said("a patch that is safe to apply; empty: a person has to decide")]
    consequences: Annotated[list[Found], _said("findings that follow from this one: mend this one first")]


class NotJudged(Part, frozen=True, kw_only=True):
    """A check that could not judge: not the same as fine."""

    code: Annotated[str, _said("of the check")]
    title: Annotated[str, _said("a few words")]
    reason: Annotated[str, _said("why it could not judge")]
    needs: Annotated[str, _said("what it would need; may be empty")]


class OwnFault(Part, frozen=True, kw_only=True):
    """A fault of luthier itself; the program went on."""

    part: Annotated[str, _said("the check or the hook")]
    error: Annotated[str, _said("type and message")]
    trace: Annotated[str, _said("where in luthier")]


class Note(Part, frozen=True, kw_only=True):
    """Something in the program's files that luthier could not follow, such as a comment without codes."""

    place: Annotated[Spot | None, _said("where")]
    text: Annotated[str, _said("what")]


class Report(Part, frozen=True, kw_only=True):
    """What `luthier check` found in one program."""

    version: Annotated[Literal[1], _said("version of this format")]
    luthier: Annotated[str, _said("version of luthier")]
    program: Annotated[str, _said("what was run, as it was typed")]
    root: Annotated[str, _said("the folder that paths are relative to")]
    frameworks: Annotated[dict[str, str], _said("name and version of each framework that was seen")]
    tier: Annotated[str, _said("quick, full or deep")]
    num_errors: Annotated[int, _said("findings of this severity; consequences do not count")]
    num_warnings: Annotated[int, _said("findings of this severity; consequences do not count")]
    num_infos: Annotated[int, _said("findings of this severity; consequences do not count")]
    findings: Annotated[list[Found], _said("root causes, worst first: act on the first one first")]
    unknown: Annotated[list[NotJudged], _said("checks that could not judge")]
    ignored: Annotated[list[Found], _said("findings that a comment in the source silenced")]
    notes: list[Note]
    faults: list[OwnFault]
    checked: Annotated[list[str], _said("codes of the checks that judged")]
    num_steps: Annotated[int, _said("optimizer steps that were seen")]
    num_backward: Annotated[int, _said("backward passes that were seen")]
    num_evaluations: Annotated[int, _said("evaluations that were seen")]
    wall_s: Annotated[float | None, _said("seconds of the program under watch")]
    watch_s: Annotated[float | None, _said("of these, luthier's own")]
    stopped: Annotated[str | None, _said("why luthier ended the program early; null: it ended by itself")]
    exit_code: Annotated[int | None, _said("of the program; null: luthier stopped it")]
    crash: Annotated[str | None, _said("the exception that ended the program; null: none did")]
    patch: Annotated[str | None, _said("the edits of the findings as a unified diff for `git apply`; null: none")]
    applied: Annotated[bool, _said("whether the patch has been written (--fix --apply)")]


def report(view: View) -> dict[str, Any]:
    """The report as plain data, ready for `json.dumps`."""
    diagnosis = view.diagnosis
    number = counts(diagnosis.findings)
    made = Report(
        version=1,
        luthier=view.version,
        program=diagnosis.program,
        root=view.root,
        frameworks=diagnosis.frameworks,
        tier=diagnosis.tier,
        num_errors=number["error"],
        num_warnings=number["warning"],
        num_infos=number["info"],
        findings=[_found(view, f) for f in diagnosis.findings],
        unknown=[NotJudged(code=u.code, title=u.title, reason=u.reason, needs=u.needs) for u in diagnosis.unknown],
        ignored=[_found(view, f) for f in diagnosis.ignored],
        notes=[Note(place=_spot(view, place), text=text) for place, text in view.notes],
        faults=[OwnFault(part=f.part, error=f.error, trace=f.trace) for f in diagnosis.faults],
        checked=list(diagnosis.checked),
        num_steps=diagnosis.num_steps,
        num_backward=diagnosis.num_backward,
        num_evaluations=diagnosis.num_evaluations,
        wall_s=_finite(diagnosis.wall_s),
        watch_s=_finite(diagnosis.watch_s),
        stopped=diagnosis.stopped or None,
        exit_code=diagnosis.exit_code,
        crash=diagnosis.crash or None,
        patch=view.patch or None,
        applied=view.applied,
    )
    plain: dict[str, Any] = msgspec.to_builtins(made)
    return plain


def text(view: View) -> str:
    """The report as it is written."""
    return json.dumps(report(view), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def schema_text() -> str:
    """The JSON schema of a report, as it stands in `docs/check.schema.json`."""
    return json.dumps(msgspec.json.schema(Report), indent=2) + "\n"


def _found(view: View, finding: Finding) -> Found:
    return Found(
        code=finding.code,
        title=finding.title,
        severity=finding.severity,
        certain=finding.certain,
        text=finding.text,
        cause=finding.cause,
        remedy=finding.remedy,
        wrong=finding.wrong,
        right=finding.right,
        place=_spot(view, finding.place),
        others=[spot for place in finding.others if (spot := _spot(view, place))],
        number=_finite(finding.number),
        threshold=_finite(finding.threshold),
        n=finding.n,
        step=finding.step,
        evidence={name: _fact(value) for name, value in finding.evidence.items()},
        edits=[_edit(view, edit) for edit in finding.edits],
        consequences=[_found(view, each) for each in finding.consequences],
    )


def _spot(view: View, place: Place | None) -> Spot | None:
    if place is None:
        return None
    return Spot(
        file=relative(view, place.file), line=place.line, function=place.function or None, text=place.text or None
    )


def _edit(view: View, edit: Edit) -> Replacement:
    return Replacement(file=relative(view, edit.file), line=edit.line, old=list(edit.old), new=list(edit.new))


def _fact(value: Any) -> Any:
    return [_finite(v) for v in value] if isinstance(value, list) else _finite(value)


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
