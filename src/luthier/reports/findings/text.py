"""The diagnosis as ruff would print it: one line a finding, its evidence and mend below, consequences indented."""

from __future__ import annotations

import math
import textwrap

from luthier.findings import Diagnosis, Finding, Place, Severity
from luthier.reports.findings.view import View, counts, gaps, where
from luthier.reports.numbers import MISSING, count, number, plural, seconds
from luthier.reports.words import clean, clip

WIDTH = 100
INDENT = "    "
COLOURS: dict[Severity, str] = {"error": "\x1b[1;31m", "warning": "\x1b[1;33m", "info": "\x1b[1;36m"}
MOST_CODES = 12


def lines(view: View, *, colour: bool = False) -> list[str]:
    """The whole report as lines without line ends."""
    said: list[str] = []
    for finding in view.diagnosis.findings:
        said += [*_finding(view, finding, colour=colour), ""]
    if view.fix and view.patch:
        said += [*_patch(view), ""]
    for part in (_ignored(view), _gaps(view), _notes(view), _faults(view)):
        said += [*part, ""] if part else []
    return [*said, *_course(view.diagnosis), *_sum(view)]


def summary(view: View) -> str:
    """The number of findings, in one sentence."""
    diagnosis = view.diagnosis
    found = counts(diagnosis.findings)
    names = {"error": plural(found["error"], "error"), "warning": plural(found["warning"], "warning")}
    parts = [names[s] for s in ("error", "warning") if found[s]] + (
        [f"{found['info']} info"] if found["info"] else []
    )
    judged = f"{plural(len(diagnosis.checked), 'check')} judged, {len(diagnosis.unknown)} could not"
    return f"Found {', '.join(parts) or 'nothing'}; {judged}."


def _finding(view: View, finding: Finding, *, colour: bool, indent: str = "") -> list[str]:
    head = f"{where(view, finding.place)}: {finding.code} {finding.severity}: {_sentence(finding.text)}"
    if colour:
        head = head.replace(f" {finding.severity}: ", f" {COLOURS[finding.severity]}{finding.severity}\x1b[0m: ", 1)
    said = [head]
    if finding.place and finding.place.text:
        within = f"  (in {clean(finding.place.function)})" if finding.place.function else ""
        said.append(f"{INDENT}> {clip(clean(finding.place.text), WIDTH)}{within}")
    for name, words in (("Why", finding.cause), ("Mend", finding.remedy), ("Evidence", _evidence(finding))):
        said += _paragraph(f"{name}: {_sentence(words)}") if words else []
    said += _code("wrong", finding.wrong) + _code("right", finding.right)
    said += [f"{INDENT}See also {_see(view, place)}" for place in finding.others]
    if finding.consequences:
        said.append(f"{INDENT}Follows from it:")
        for consequence in finding.consequences:
            said += _finding(view, consequence, colour=colour, indent=INDENT + "  ")
    return [indent + line for line in said]


def _sentence(text: str) -> str:
    cleaned = clean(text).strip()
    return cleaned if not cleaned or cleaned[-1] in ".!?" else f"{cleaned}."


def _evidence(finding: Finding) -> str:
    kind = "an exact relation" if finding.certain else "statistics"
    parts = [kind, f"n = {count(finding.n)}"]
    if math.isfinite(finding.number) and math.isfinite(finding.threshold):
        parts.insert(1, f"{number(finding.number)} measured, {number(finding.threshold)} is the bound")
    if finding.step is not None:
        parts.append(f"first seen at step {count(finding.step)}")
    return ", ".join(parts)


def _paragraph(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=INDENT, subsequent_indent=INDENT + "  ", break_long_words=False)


def _code(name: str, code: str) -> list[str]:
    """Code under its name, every line cleaned, blank lines at both ends left out."""
    rows = [clean(row.expandtabs(4)).rstrip() for row in code.strip("\n").splitlines()]
    return [f"{INDENT}  {name if i == 0 else '':<6} | {row}".rstrip() for i, row in enumerate(rows)]


def _see(view: View, place: Place) -> str:
    return f"{where(view, place)}: {clip(clean(place.text), WIDTH)}" if place.text else where(view, place)


def _patch(view: View) -> list[str]:
    told = "Mended" if view.applied else "A patch for"
    how = "" if view.applied else " (nothing is written without --fix --apply)"
    return [f"{told} {', '.join(dict.fromkeys(view.mended))}{how}:", *map(_diff_line, view.patch.splitlines())]


def _diff_line(line: str) -> str:
    return clean(line.expandtabs(4))


def _ignored(view: View) -> list[str]:
    return [f"Silenced by a comment: {f.code} at {where(view, f.place)}" for f in view.diagnosis.ignored]


def _gaps(view: View) -> list[str]:
    found = gaps(view.diagnosis)
    said = ["Not judged, which is not the same as fine:"] if found else []
    for gap in found:
        codes = ", ".join(gap.codes[:MOST_CODES])
        more = len(gap.codes) - MOST_CODES
        codes += f" and {more} more" if more > 0 else ""
        needs = f" Needs: {_sentence(gap.needs)}" if gap.needs else ""
        said += _paragraph(f"{codes}: {_sentence(gap.reason)}{needs}")
    return said


def _notes(view: View) -> list[str]:
    return [f"{where(view, place)}: note: {_sentence(text)}" for place, text in view.notes]


def _faults(view: View) -> list[str]:
    """luthier's own mistakes: told, and never counted as the person's."""
    said = []
    for fault in view.diagnosis.faults:
        said += [f"luthier's own fault in {clean(fault.part)}, your program is not to blame: {clean(fault.error)}"]
        said += [INDENT + clean(row) for row in fault.trace.rstrip().splitlines()]
    return said


def _course(diagnosis: Diagnosis) -> list[str]:
    """How the program went."""
    numbers = (
        (diagnosis.num_steps, "optimizer step", "optimizer steps"),
        (diagnosis.num_backward, "backward pass", "backward passes"),
        (diagnosis.num_evaluations, "evaluation", "evaluations"),
    )
    seen = [f"{count(n)} {one if n == 1 else many}" for n, one, many in numbers if n] or ["no training"]
    took = f" in {seconds(diagnosis.wall_s)}" if seconds(diagnosis.wall_s) != MISSING else ""
    frameworks = ", ".join(f"{name} {version}" for name, version in diagnosis.frameworks.items())
    said = _plain(f"Seen: {', '.join(seen)}{took}; {frameworks or 'no framework'}; tier {diagnosis.tier}.")
    if diagnosis.stopped:
        said += _plain(f"Stopped by luthier: {_sentence(diagnosis.stopped)}")
    if diagnosis.crash:
        said += _plain(f"The program ended with {_sentence(clip(diagnosis.crash, 300))}")
    return said


def _plain(text: str) -> list[str]:
    return textwrap.wrap(clean(text), WIDTH, subsequent_indent="  ", break_long_words=False)


def _sum(view: View) -> list[str]:
    said = [summary(view)]
    if view.mended and not view.fix:
        said.append(f"Can be mended for you: {', '.join(dict.fromkeys(view.mended))}. `--fix` shows the patch.")
    if view.diagnosis.findings:
        said.append(f"`luthier check --explain {view.diagnosis.findings[0].code}` tells more about a code.")
    return said
