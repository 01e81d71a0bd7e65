"""The list of cases (cases.toml) and the judgement of one answer: was the fault named, first, at its line?"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
Finding = dict[str, Any]
"""A finding as it stands in the JSON of `luthier check`."""


@dataclass(frozen=True)
class Case:
    """A faulty script and its mended twin.

    Args:
        accepted: codes that name the fault; `X*` stands for every code that begins with X.
        match: a regular expression that text, cause or remedy must match, too; empty: the code is enough.
        at: "file:line" (relative to the case's folder) that may be named.
        says: what a good answer says.
        origin: the public thread that the fault was distilled from, or "own".
    """

    id: str
    framework: str
    faulty: str
    fixed: str
    accepted: tuple[str, ...]
    at: tuple[str, ...]
    says: str
    origin: str
    args: tuple[str, ...] = ()
    match: str = ""

    @property
    def places(self) -> set[tuple[Path, int]]:
        """The lines that may be named, with absolute paths."""
        folder = HERE / Path(self.faulty).parent
        root = folder.parent if folder.name == "faulty" else folder
        pairs = (at.rsplit(":", 1) for at in self.at)
        return {((root / name).resolve(), int(line)) for name, line in pairs}


@dataclass(frozen=True)
class Healthy:
    """A program with an unusual but right feature (`trait`): nothing may be reported."""

    id: str
    framework: str
    file: str
    trait: str
    args: tuple[str, ...] = ()


def load(path: Path = HERE / "cases.toml") -> tuple[list[Case], list[Healthy]]:
    """All cases and healthy programs, in the order of the file."""
    data = tomllib.loads(path.read_text())

    def frozen(row: dict[str, Any]) -> dict[str, Any]:
        return {key: tuple(value) if isinstance(value, list) else value for key, value in row.items()}

    return [Case(**frozen(row)) for row in data["case"]], [Healthy(**frozen(row)) for row in data["healthy"]]


@dataclass(frozen=True)
class Verdict:
    """found: some finding names the fault; first: the first one does; placed: at one of the case's lines."""

    found: bool
    first: bool
    placed: bool


def names(case: Case, finding: Finding) -> bool:
    """Does this finding name the fault: an accepted code, and the words where the case asks for words?"""
    words = " ".join(str(finding.get(key, "")) for key in ("title", "text", "cause", "remedy", "right"))
    coded = any(fnmatch(finding["code"], code) for code in case.accepted)
    return coded and (not case.match or re.search(case.match, words) is not None)


def flat(findings: list[Finding]) -> list[Finding]:
    """Root causes and their consequences in one list, root causes before what follows from them."""
    return [each for one in findings for each in (one, *flat(one.get("consequences", [])))]


def judge(case: Case, findings: list[Finding]) -> Verdict:
    """How well these findings (root causes first) answer the case."""
    right = [finding for finding in flat(findings) if names(case, finding)]
    placed = any(
        (Path(place["file"]).resolve(), place["line"]) in case.places
        for finding in right
        for place in (finding.get("place"), *finding.get("others", ()))
        if place
    )
    return Verdict(bool(right), bool(findings) and names(case, findings[0]), placed)


def alarms(findings: list[Finding]) -> list[str]:
    """Codes that accuse a healthy program; hints (severity info) are not accusations."""
    return [finding["code"] for finding in flat(findings) if finding["severity"] != "info"]


def hints(findings: list[Finding]) -> list[str]:
    """Codes of severity info."""
    return [finding["code"] for finding in flat(findings) if finding["severity"] == "info"]
