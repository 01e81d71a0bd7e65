"""Comments that silence findings, in the person's own source.

    loss.backward()  # luthier: ignore[T01] the sum over folds is meant
    # luthier: ignore[T01, L04]
    loss.backward()
    # luthier: ignore-file[D05]

The first two forms hold for the statement on their line or on the line below, the third for the whole file.
The codes must be named: a bare "ignore" would also silence what is found next year, so it silences nothing and
is complained of.
"""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Collection, Iterator
from typing import NamedTuple

import msgspec

from luthier.checks.wording import statement
from luthier.findings import Diagnosis, Finding, Place

_COMMENT = re.compile(r"#\s*luthier:\s*(?P<kind>[\w-]+)\s*(?:\[(?P<codes>[^\]]*)\])?")
_HOW = 'write the codes, as in "# luthier: ignore[T01, L04]"'


class Comment(NamedTuple):
    """One comment: its place, whether it holds for the file, its codes, and what is wrong with it (or nothing)."""

    place: Place
    whole_file: bool
    codes: frozenset[str]
    complaint: str


class Silenced(NamedTuple):
    """The diagnosis with silenced findings in `ignored`, and the comments that could not be followed."""

    diagnosis: Diagnosis
    complaints: tuple[tuple[Place, str], ...]


def silence(diagnosis: Diagnosis, *, script: str = "", known: Collection[str] = ()) -> Silenced:
    """Move the findings that comments silence to `ignored`.

    Only what is named is silenced: consequences of a silenced finding take its place in the list.

    Args:
        diagnosis: as judged; files are read from the disk as they stand.
        script: the file that a finding without a place is looked up in.
        known: all codes there are; a comment that names another one is complained of. Empty: not looked at.
    """
    files = {place.file for place in _places(diagnosis.findings)} | ({script} if script else set())
    found = {file: comments(read(file), file) for file in sorted(files)}
    kept: list[Finding] = []
    ignored: list[Finding] = []
    for finding in diagnosis.findings:
        kept += _sift(finding, found, script, ignored)
    changed = msgspec.structs.replace(diagnosis, findings=tuple(kept), ignored=(*diagnosis.ignored, *ignored))
    return Silenced(changed, tuple(_complaints(found.values(), frozenset(known))))


def comments(source: str, file: str = "") -> tuple[Comment, ...]:
    """The comments to luthier in a source; none where it is no Python."""
    found = []
    lines = source.splitlines()
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            match = _COMMENT.match(token.string) if token.type == tokenize.COMMENT else None
            if match:
                line = token.start[0]
                found.append(_comment(match, Place(file=file, line=line, text=lines[line - 1].strip())))
    except (tokenize.TokenError, SyntaxError):
        return tuple(found)
    return tuple(found)


def read(file: str) -> str:
    """Text of a Python file, by the encoding that it declares; empty where it cannot be read."""
    try:
        with tokenize.open(file) as stream:
            return stream.read()
    except (OSError, SyntaxError, UnicodeDecodeError):
        return ""


def _comment(match: re.Match[str], place: Place) -> Comment:
    kind, written = match["kind"], match["codes"]
    codes = frozenset(code.strip().upper() for code in (written or "").split(",") if code.strip())
    complaint = ""
    if kind not in ("ignore", "ignore-file"):
        complaint = f'"luthier: {kind}" is no word of luthier: write ignore[...] or ignore-file[...]'
    elif not codes:
        complaint = f'"luthier: {kind}" without codes silences nothing: {_HOW.replace("ignore", kind)}'
    return Comment(place, kind == "ignore-file", codes if not complaint else frozenset(), complaint)


def _sift(
    finding: Finding, found: dict[str, tuple[Comment, ...]], script: str, ignored: list[Finding]
) -> list[Finding]:
    """What remains of a finding: itself with its remaining consequences, or only those."""
    below: list[Finding] = []
    for consequence in finding.consequences:
        below += _sift(consequence, found, script, ignored)
    if _silenced(finding, found, script):
        ignored.append(msgspec.structs.replace(finding, consequences=()))
        return below
    return [msgspec.structs.replace(finding, consequences=tuple(below))]


def _silenced(finding: Finding, found: dict[str, tuple[Comment, ...]], script: str) -> bool:
    file = finding.place.file if finding.place else script
    lines = _lines(finding.place)
    return any(
        finding.code in comment.codes and (comment.whole_file or _holds_for(comment.place, lines))
        for comment in found.get(file, ())
    )


def _lines(place: Place | None) -> range:
    """Lines of the statement at a place; none without a place."""
    if place is None:
        return range(0)
    whole = statement({place.file: read(place.file)}, place)
    return range(whole.first, whole.last + 1) if whole else range(place.line, place.line + 1)


def _holds_for(comment: Place, lines: range) -> bool:
    """On the statement, or alone on the line above it."""
    above = comment.line == lines.start - 1 and comment.text.startswith("#")
    return bool(lines) and (comment.line in lines or above)


def _places(findings: Collection[Finding]) -> Iterator[Place]:
    for finding in findings:
        if finding.place:
            yield finding.place
        yield from _places(finding.consequences)


def _complaints(found: Collection[tuple[Comment, ...]], known: frozenset[str]) -> Iterator[tuple[Place, str]]:
    for comment in (comment for each in found for comment in each):
        if comment.complaint:
            yield comment.place, comment.complaint
        elif known and comment.codes - known:
            strange = ", ".join(sorted(comment.codes - known))
            yield comment.place, f"no check has the code {strange}: see `luthier checks`"
