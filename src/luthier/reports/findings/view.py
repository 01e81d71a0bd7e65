"""What every rendering of a diagnosis shows: relative paths, counts, what could not be judged in groups."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import PurePath
from typing import NamedTuple

from luthier.findings import Diagnosis, Finding, Place, Severity
from luthier.reports.words import clean

SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")
"""Worst first."""


class Rule(NamedTuple):
    """A check as a renderer names it: its title, its page, from which tier on it judges, what may cause it."""

    title: str
    page: str
    tier: str
    causes: tuple[str, ...] = ()


class View(NamedTuple):
    """A diagnosis and what surrounds it.

    Args:
        diagnosis: silenced findings are already in `ignored`.
        root: the folder that paths are shown relative to.
        script: file of the program, absolute; where a finding without a place is shown. Empty: not known.
        version: of luthier.
        notes: (place or None, sentence): comments and files that luthier could not follow.
        patch: the safe mends as a unified diff; empty where there are none.
        mended: codes of the findings that the patch mends.
        fix: was the patch asked for? `applied`: has it been written?
    """

    diagnosis: Diagnosis
    root: str
    script: str = ""
    version: str = ""
    notes: tuple[tuple[Place | None, str], ...] = ()
    patch: str = ""
    mended: tuple[str, ...] = ()
    fix: bool = False
    applied: bool = False


class Gap(NamedTuple):
    """Checks that could not judge for one reason."""

    codes: tuple[str, ...]
    reason: str
    needs: str


def relative(view: View, file: str) -> str:
    """Path below the root, with slashes; the absolute one for a file elsewhere."""
    path = PurePath(file)
    return clean(path.relative_to(view.root).as_posix() if path.is_relative_to(view.root) else file)


def where(view: View, place: Place | None) -> str:
    """ "train.py:18"; without a place the name of the program."""
    if place is not None:
        return f"{relative(view, place.file)}:{place.line}"
    return relative(view, view.script) if view.script else clean(view.diagnosis.program)


def walk(findings: tuple[Finding, ...], cause: Finding | None = None) -> Iterator[tuple[Finding, Finding | None]]:
    """Each finding with its cause, causes before consequences."""
    for finding in findings:
        yield finding, cause
        yield from walk(finding.consequences, finding)


def counts(findings: tuple[Finding, ...]) -> dict[Severity, int]:
    """Number of findings by severity, worst first; consequences do not count: one cause, one finding."""
    return {severity: sum(f.severity == severity for f in findings) for severity in SEVERITIES}


def reaches(findings: tuple[Finding, ...], level: str) -> bool:
    """Is one of the findings, or of their consequences, at least as bad as `level`? "never": no."""
    bad = SEVERITIES[: SEVERITIES.index(level) + 1] if level in SEVERITIES else ()
    return any(finding.severity in bad for finding, _ in walk(findings))


def gaps(diagnosis: Diagnosis) -> list[Gap]:
    """What could not be judged, one entry a reason, the reason of most checks first."""
    grouped: dict[tuple[str, str], list[str]] = {}
    for unknown in diagnosis.unknown:
        grouped.setdefault((unknown.reason, unknown.needs), []).append(unknown.code)
    found = [Gap(tuple(sorted(codes)), *why) for why, codes in grouped.items()]
    return sorted(found, key=lambda gap: (-len(gap.codes), gap.codes))


def absolute(view: View, file: str) -> bool:
    """Is this the path of a file outside the root?"""
    return os.path.isabs(relative(view, file))
