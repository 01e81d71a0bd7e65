"""Root causes first: a finding that another one explains stands under it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from luthier.checks.spec import Check
from luthier.findings import Finding, Place

SEVERITIES = ("error", "warning", "info")


def ranked(findings: Iterable[Finding], checks: Mapping[str, Check]) -> tuple[Finding, ...]:
    """Worst first, certain before likely, earlier steps first; consequences under the root of their causes.

    A root is as bad as the worst of what it explains. `Check.causes` says what explains a code. Hints explain nothing
    worse than themselves.
    """
    listed = _once(sorted(findings, key=_weight))
    by_code = {finding.code: finding for finding in reversed(listed)}
    under: dict[str, list[Finding]] = {}
    roots = []
    for finding in listed:
        root = _root(finding, by_code, checks)
        if root == finding.code:
            roots.append(finding)
        else:
            under.setdefault(root, []).append(finding)
    first = {finding.code: finding for finding in reversed(roots)}
    whole = [
        msgspec.structs.replace(f, consequences=(*f.consequences, *under.get(f.code, ())))
        if first[f.code] is f
        else f
        for f in roots
    ]
    return tuple(sorted(whole, key=lambda f: min(_weight(f)[0], *(_weight(c)[0] for c in f.consequences), 2)))


def _once(findings: list[Finding]) -> list[Finding]:
    """The first of those that say the same of one line, such as of each model of a sweep."""
    seen = set()
    kept = []
    for finding in findings:
        same = (finding.code, finding.title, finding.place) if finding.place else None
        if same is None or same not in seen:
            kept.append(msgspec.structs.replace(finding, others=_further(finding)))
        seen.add(same)
    return kept


def _further(finding: Finding) -> tuple[Place, ...]:
    """Its other lines, each once, without the line that it stands at itself."""
    lines = {(place.file, place.line): place for place in reversed(finding.others)}
    if finding.place:
        lines.pop((finding.place.file, finding.place.line), None)
    return tuple(place for place in finding.others if lines.get((place.file, place.line)) is place)


def _root(finding: Finding, by_code: Mapping[str, Finding], checks: Mapping[str, Check]) -> str:
    """The code at the end of the chain of causes that fired."""
    code, seen = finding.code, {finding.code}
    while True:
        causes = checks[code].causes if code in checks else ()
        fired = next((c for c in causes if c in by_code and c not in seen and _explains(by_code[c], finding)), None)
        if fired is None:
            return code
        code = fired
        seen.add(code)


def _explains(cause: Finding, finding: Finding) -> bool:
    return cause.severity != "info" or finding.severity == "info"


def _weight(finding: Finding) -> tuple[int, bool, float, str]:
    step = float("inf") if finding.step is None else float(finding.step)
    return SEVERITIES.index(finding.severity), not finding.certain, step, finding.code
