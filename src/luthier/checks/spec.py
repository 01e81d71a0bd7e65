"""The contract of a check, and the list of all checks.

A check is a module `luthier.checks.<code>_<name>`, such as `t01_zero_grad`: its docstring is its page, its
constants say what it is, and `judge` is a pure function of the trace. No check imports a framework or another
check; what several share lies in `luthier.checks.wording` or in the trace.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any, Literal, NamedTuple

from luthier.findings import Finding, Unknown

Tier = Literal["quick", "full", "deep"]
"""quick: costs next to nothing, on by default. full: samples tensors more densely. deep: extra passes on copies."""
TIERS: tuple[Tier, ...] = ("quick", "full", "deep")
Judge = Callable[[Any], list[Finding] | Unknown]
"""Trace -> findings (none: it was looked at and is fine), or why it cannot be judged. A finding needs its
evidence; a check that has seen too little says `Unknown`, never nothing."""


class Check(NamedTuple):
    """One check as its module states it.

    Args:
        code: of the catalogue, such as "T01". title: a few words, lower case.
        tier: from which tier on the trace holds what it needs.
        causes: codes whose finding explains this one's: where both fire, this one is listed under the other.
        judge: the judgement; page: the docstring of the module.
    """

    code: str
    title: str
    tier: Tier
    causes: tuple[str, ...]
    judge: Judge
    page: str


@cache
def checks() -> dict[str, Check]:
    """All checks by code, in the order of their codes."""
    import luthier.checks as room

    found = {}
    for module in pkgutil.iter_modules(room.__path__):
        if module.name[:1].isalpha() and module.name[1:3].isdigit():
            check = _check(import_module(f"{room.__name__}.{module.name}"))
            found[check.code] = check
    return dict(sorted(found.items()))


def _check(module: Any) -> Check:
    code = module.__name__.rpartition(".")[2].partition("_")[0].upper()
    return Check(code, module.TITLE, module.TIER, module.CAUSES, module.judge, module.__doc__)
