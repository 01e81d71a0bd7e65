"""`luthier check --fix`: the safe mends of a diagnosis as a unified diff, and their writing into the files.

Edits of one finding belong together: all or none. Edits of two findings that touch the same lines are refused
for the later one; the next run offers it again. Consequences are not mended: they go with their cause.
"""

from __future__ import annotations

import contextlib
import difflib
import os
import re
import stat
import tempfile
import tokenize
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePath
from typing import NamedTuple

from luthier.findings import Edit, Finding, Place

_LINE_END = re.compile(r"\r\n|\r|\n")


class Text(NamedTuple):
    """A source file as it is written: its lines, its line end, its encoding, its last line's end."""

    lines: tuple[str, ...]
    end: str
    encoding: str
    closed: bool  # the last line has a line end

    def joined(self) -> str:
        """The text in one."""
        return self.end.join(self.lines) + (self.end if self.closed and self.lines else "")


class Patch(NamedTuple):
    """What can be mended.

    Args:
        old, new: by absolute file.
        mended: codes of the findings whose edits are in it.
        refused: (place or None, sentence) for each finding whose edits are not.
    """

    old: Mapping[str, Text]
    new: Mapping[str, Text]
    mended: tuple[str, ...]
    refused: tuple[tuple[Place | None, str], ...]


def plan(findings: Sequence[Finding], *, since: float | None = None) -> Patch:
    """The edits of the findings, in their order, put together.

    Args:
        findings: those with edits are mended. since: seconds since the epoch; a file written after it is not
            the one that was diagnosed and is left alone. None: files are compared by their lines only.
    """
    old: dict[str, Text] = {}
    accepted: list[Edit] = []
    mended: list[str] = []
    refused: list[tuple[Place | None, str]] = []
    for finding in findings:
        if not finding.edits:
            continue
        reason = _obstacle(finding, old, accepted, since)
        trial = [*accepted, *finding.edits]
        if not reason:
            reason = next((r for file in _files(finding.edits) if (r := _syntax(file, old[file], trial))), "")
        if reason:
            refused.append((finding.place, f"{finding.code} is not mended: {reason}"))
        else:
            accepted, mended = trial, [*mended, finding.code]
    files = _files(accepted)
    new = {file: _edited(old[file], _of(accepted, file)) for file in files}
    return Patch({file: old[file] for file in files}, new, tuple(mended), tuple(refused))


def diff(patch: Patch, root: str) -> str:
    """A unified diff that `git apply` and `patch -p1` take; paths relative to the root."""
    parts: list[str] = []
    for file, old in patch.old.items():
        path = PurePath(file)
        name = path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix().lstrip("/")
        rows = difflib.unified_diff(
            _rows(old), _rows(patch.new[file]), fromfile=f"a/{name}", tofile=f"b/{name}", lineterm=""
        )
        for row in rows:
            parts += [row[:-1], "\\ No newline at end of file"] if row.endswith(_OPEN) else [row]
    return "\n".join(parts) + ("\n" if parts else "")


def apply(patch: Patch) -> tuple[tuple[Place | None, str], ...]:
    """Write the new files, each in one step; what was not written, with the reason.

    A file that is no longer as it was planned with is left alone, as is one that may not be written.
    """
    refused: list[tuple[Place | None, str]] = []
    for file, new in patch.new.items():
        try:
            if load(file) != patch.old[file]:
                reason = "it was changed meanwhile; run the check again"
            else:
                _replace(Path(file).resolve(), new.joined().encode(new.encoding))
                continue
        except (OSError, UnicodeError, SyntaxError) as error:
            reason = str(error)
        refused.append((Place(file=file, line=1), f"the file is not mended: {reason}"))
    return tuple(refused)


def load(file: str) -> Text:
    """A Python file in its parts.

    Raises:
        OSError, SyntaxError, UnicodeError: it cannot be read, or not by the encoding that it declares.
    """
    raw = Path(file).read_bytes()
    encoding, _ = tokenize.detect_encoding(iter(raw.splitlines(keepends=True)).__next__)
    text = raw.decode(encoding)
    ends = _LINE_END.findall(text)
    lines = _LINE_END.split(text)
    closed = lines[-1] == ""
    end = max(set(ends), key=ends.count) if ends else "\n"
    return Text(tuple(lines[:-1] if closed else lines), end, encoding, closed)


_OPEN = "\x00"
"""Marks the row of a diff whose line has no line end."""


def _rows(text: Text) -> list[str]:
    if text.closed or not text.lines:
        return list(text.lines)
    return [*text.lines[:-1], text.lines[-1] + _OPEN]


def _obstacle(finding: Finding, old: dict[str, Text], accepted: Sequence[Edit], since: float | None) -> str:
    """Why the edits of a finding cannot be taken; empty where they can. Reads their files into `old`."""
    for file in _files(finding.edits):
        if file not in old:
            text = _unchanged(file, since)
            if isinstance(text, str):
                return text
            old[file] = text
    place = finding.place
    if place and place.text and place.file in old and not _stands(old[place.file], place):
        return "the line is no longer the one that was diagnosed; run the check again"
    for i, edit in enumerate(finding.edits):
        lines = old[edit.file].lines
        if not 1 <= edit.line <= len(lines) + 1 or lines[edit.line - 1 : edit.line - 1 + len(edit.old)] != edit.old:
            return "the lines are no longer those that were diagnosed; run the check again"
        if any(_overlap(edit, other) for other in accepted):
            return "an earlier mend touches the same lines; mend that first, then run the check again"
        if any(_overlap(edit, other) for other in finding.edits[:i]):
            return "its edits touch the same lines"
    return ""


def _unchanged(file: str, since: float | None) -> Text | str:
    """The file in its parts, or why it is left alone."""
    try:
        text = load(file)
        late = since is not None and Path(file).stat().st_mtime > since
        ends = set(_LINE_END.findall(Path(file).read_bytes().decode(text.encoding)))
    except (OSError, SyntaxError, UnicodeError) as error:
        return f"{error}"
    if late:
        return "the file was changed after the program was started; run the check again"
    return text if len(ends) <= 1 else "the file mixes line ends"


def _stands(text: Text, place: Place) -> bool:
    return 1 <= place.line <= len(text.lines) and text.lines[place.line - 1].strip() == place.text


def _overlap(one: Edit, other: Edit) -> bool:
    """Do two edits touch the same lines? Two insertions before the same line do: their order is not known."""
    if one.file != other.file:
        return False
    (a, b), (c, d) = ((e.line, e.line + len(e.old)) for e in (one, other))
    if a == b or c == d:  # an insertion may stand at either end of the lines that go, not inside them
        return a == c if (a == b) == (c == d) else (c < a < d if a == b else a < c < b)
    return a < d and c < b


def _syntax(file: str, old: Text, edits: Sequence[Edit]) -> str:
    """Why the edited file is no Python; empty where it is."""
    text = _edited(old, _of(edits, file)).joined()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the person's own source: they see it when they run it
            compile(text, file, "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        return f"the mended file would not be Python: {error}"
    return ""


def _edited(text: Text, edits: Iterable[Edit]) -> Text:
    """Edits from the last line up, so that the numbers of the lines above stay right.

    An insertion before a line that another edit takes away comes first in the file: it is applied last.
    """
    lines = list(text.lines)
    for edit in sorted(edits, key=lambda e: (e.line, len(e.old)), reverse=True):
        lines[edit.line - 1 : edit.line - 1 + len(edit.old)] = edit.new
    return text._replace(lines=tuple(lines))


def _files(edits: Iterable[Edit]) -> list[str]:
    return list(dict.fromkeys(edit.file for edit in edits))


def _of(edits: Iterable[Edit], file: str) -> list[Edit]:
    return [edit for edit in edits if edit.file == file]


def _replace(path: Path, data: bytes) -> None:
    """A whole new file in the place of the old one, with its permissions; a crash leaves the old or the new."""
    mode = stat.S_IMODE(path.stat().st_mode)
    if not os.access(path, os.W_OK):
        raise PermissionError(f"{path} may not be written")
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(name, mode)
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise
