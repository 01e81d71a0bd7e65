"""A diagnosis as one JSON object: complete enough for a program, or a coding assistant, to act on.

The structs below are the source of `docs/check.schema.json`; a test holds the file equal to `schema_text()`.
What was not measured is null; no number is NaN or infinite.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from luthier.findings import Edit, Finding, Place, Severity
from luthier.reports.documents import Part, finite, plain, said, schema_of
from luthier.reports.findings.view import View, counts, relative

Fact = float | int | str | bool | list[float | int | str | None] | None


class Spot(Part, frozen=True, kw_only=True):
    """A line of the program."""

    file: Annotated[str, said("path relative to `root`; absolute for a file elsewhere")]
    line: Annotated[int, said("counted from 1")]
    function: Annotated[str | None, said("the function that the line stands in; null: module level")]
    text: Annotated[str | None, said("the line itself, stripped")]


class Replacement(Part, frozen=True, kw_only=True):
    """Lines to replace; all edits of a finding are applied together or not at all."""

    file: Annotated[str, said("path relative to `root`; absolute for a file elsewhere")]
    line: Annotated[int, said("first line that goes, counted from 1")]
    old: Annotated[list[str], said("lines that go; empty: `new` is put before `line`")]
    new: Annotated[list[str], said("lines that come")]


class Found(Part, frozen=True, kw_only=True):
    """One finding."""

    code: Annotated[str, said("of the check; `luthier check --explain CODE` prints its page")]
    title: Annotated[str, said("a few words")]
    severity: Annotated[Severity, said("error: wrong or useless; warning: probably costs; info: a hint")]
    certain: Annotated[bool, said("true: an exact relation; false: statistics")]
    text: Annotated[str, said("what was measured, one sentence")]
    cause: Annotated[str, said("why it hurts")]
    remedy: Annotated[str, said("what to do, one sentence")]
    wrong: Annotated[str, said("code as it is; may be empty")]
    right: Annotated[str, said("code as it should be; may be empty")]
    place: Annotated[Spot | None, said("null: no line can be named")]
    others: Annotated[list[Spot], said("further lines that belong to it")]
    number: Annotated[float | None, said("what was measured; null: the relation is exact")]
    threshold: Annotated[float | None, said("what it is compared with")]
    n: Annotated[int, said("samples (steps, calls, rows) behind it")]
    step: Annotated[int | None, said("optimizer step at which it was first seen, counted from 0")]
    evidence: Annotated[dict[str, Fact], said("further measured facts by name")]
    edits: Annotated[list[Replacement], said("a patch that is safe to apply; empty: a person has to decide")]
    consequences: Annotated[list[Found], said("findings that follow from this one: mend this one first")]


class NotJudged(Part, frozen=True, kw_only=True):
    """A check that could not judge: not the same as fine."""

    code: Annotated[str, said("of the check")]
    title: Annotated[str, said("a few words")]
    reason: Annotated[str, said("why it could not judge")]
    needs: Annotated[str, said("what it would need; may be empty")]


class OwnFault(Part, frozen=True, kw_only=True):
    """A fault of luthier itself; the program went on."""

    part: Annotated[str, said("the check or the hook")]
    error: Annotated[str, said("type and message")]
    trace: Annotated[str, said("where in luthier")]


class Note(Part, frozen=True, kw_only=True):
    """Something in the program's files that luthier could not follow, such as a comment without codes."""

    place: Annotated[Spot | None, said("where")]
    text: Annotated[str, said("what")]


class Report(Part, frozen=True, kw_only=True):
    """What `luthier check` found in one program."""

    version: Annotated[Literal[1], said("version of this format")]
    luthier: Annotated[str, said("version of luthier")]
    program: Annotated[str, said("what was run, as it was typed")]
    root: Annotated[str, said("the folder that paths are relative to")]
    frameworks: Annotated[dict[str, str], said("name and version of each framework that was seen")]
    tier: Annotated[str, said("quick, full or deep")]
    num_errors: Annotated[int, said("findings of this severity; consequences do not count")]
    num_warnings: Annotated[int, said("findings of this severity; consequences do not count")]
    num_infos: Annotated[int, said("findings of this severity; consequences do not count")]
    findings: Annotated[list[Found], said("root causes, worst first: act on the first one first")]
    unknown: Annotated[list[NotJudged], said("checks that could not judge")]
    ignored: Annotated[list[Found], said("findings that a comment in the source silenced")]
    notes: list[Note]
    faults: list[OwnFault]
    checked: Annotated[list[str], said("codes of the checks that judged")]
    num_steps: Annotated[int, said("optimizer steps that were seen")]
    num_backward: Annotated[int, said("backward passes that were seen")]
    num_evaluations: Annotated[int, said("evaluations that were seen")]
    wall_s: Annotated[float | None, said("seconds of the program under watch")]
    watch_s: Annotated[float | None, said("of these, luthier's own")]
    stopped: Annotated[str | None, said("why luthier ended the program early; null: it ended by itself")]
    exit_code: Annotated[int | None, said("of the program; null: luthier stopped it")]
    crash: Annotated[str | None, said("the exception that ended the program; null: none did")]
    patch: Annotated[str | None, said("the edits of the findings as a unified diff for `git apply`; null: none")]
    applied: Annotated[bool, said("whether the patch has been written (--fix --apply)")]


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
        wall_s=finite(diagnosis.wall_s),
        watch_s=finite(diagnosis.watch_s),
        stopped=diagnosis.stopped or None,
        exit_code=diagnosis.exit_code,
        crash=diagnosis.crash or None,
        patch=view.patch or None,
        applied=view.applied,
    )
    return plain(made)


def text(view: View) -> str:
    """The report as it is written."""
    return json.dumps(report(view), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def schema_text() -> str:
    """The JSON schema of a report, as it stands in `docs/check.schema.json`."""
    return schema_of(Report)


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
        number=finite(finding.number),
        threshold=finite(finding.threshold),
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
    return [finite(v) for v in value] if isinstance(value, list) else finite(value)
