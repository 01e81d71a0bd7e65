"""Ask checks for their judgement; one that raises is luthier's own fault, and the others go on."""

from __future__ import annotations

import traceback
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

import numpy as np

from luthier.checks.ranking import ranked
from luthier.checks.spec import TIERS, Check
from luthier.findings import Fault, Finding, Tier, Unknown


class Judged(NamedTuple):
    """What came out, root causes first."""

    findings: tuple[Finding, ...]
    unknown: tuple[Unknown, ...]
    faults: tuple[Fault, ...]
    checked: tuple[str, ...]


def chosen(
    known: Mapping[str, Check],
    tier: Tier,
    *,
    select: Collection[str] = (),
    ignore: Collection[str] = (),
    frameworks: Collection[str] | None = None,
) -> dict[str, Check]:
    """The checks that are asked for and that this tier takes what it needs for.

    Args:
        select, ignore: whole codes or families; an empty `select` means all.
        frameworks: of the program; None: whatever they are.
    """
    return {
        code: check
        for code, check in known.items()
        if _named(code, select or ("",))
        and not _named(code, ignore)
        and TIERS.index(check.tier) <= TIERS.index(tier)
        and (frameworks is None or not check.framework or check.framework in frameworks)
    }


def judge(evidence: Any, asked: Mapping[str, Check], missing: Mapping[str, str] | None = None) -> Judged:
    """All judgements on a trace or an exam.

    Args:
        missing: what was not seen -> in words: a check that needs it and finds nothing could not judge.
    """
    missing = missing or {}
    findings: list[Finding] = []
    unknown: list[Unknown] = []
    faults: list[Fault] = []
    for code, check in asked.items():
        try:
            with np.errstate(all="ignore"):
                told = check.judge(evidence)
        except Exception as error:  # a check that raises is a fault of ours, told beside the findings
            faults.append(Fault(part=code, error=f"{type(error).__name__}: {error}", trace=traceback.format_exc()))
            continue
        if isinstance(told, Unknown):
            unknown.append(told)
        elif not told and check.needs in missing:
            unknown.append(Unknown(code=code, title=check.title, reason=missing[check.needs]))
        else:
            findings += told
    open_ = {fault.part for fault in faults} | {u.code for u in unknown}
    checked = tuple(code for code in asked if code not in open_)
    return Judged(ranked(findings, asked), tuple(unknown), tuple(faults), checked)


def _named(code: str, families: Collection[str]) -> bool:
    return any(code.startswith(family) for family in families)
