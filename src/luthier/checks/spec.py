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
from typing import Any, NamedTuple

from luthier.findings import Finding, Tier, Unknown

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
        framework: whose programs it judges; empty: those of all.
        needs: what must have been seen for "fine" to mean anything: "training", "evaluation", or nothing of the kind.
    """

    code: str
    title: str
    tier: Tier
    causes: tuple[str, ...]
    judge: Judge
    page: str
    framework: str = ""
    needs: str = ""


FRAMEWORKS = {"K": "keras", "J": "jax"}
"""Family -> whose programs its checks judge; of other families PyTorch's, unless the module says FRAMEWORK = ""."""
NEEDS = {"E": "evaluation", "X": ""}
"""Family -> what its checks need; those of other families need training, unless the module says NEEDS."""
ACTIVE = "luthier.checks.active"
"""The room of the checks that put a builder and its data to the test; they judge an `Exam`, not a trace."""


@cache
def checks(room: str = "luthier.checks") -> dict[str, Check]:
    """All checks of a room by code, in the order of their codes."""
    found = [_check(code, import_module(name)) for code, name in modules(room).items()]
    return {check.code: check for check in found}


@cache
def modules(room: str = "luthier.checks") -> dict[str, str]:
    """The module of each check of a room by code, in the order of the codes; none of them is imported."""
    names = [module.name for module in pkgutil.iter_modules(import_module(room).__path__)]
    coded = [name for name in names if name[:1].isalpha() and name[1:3].isdigit()]
    return {name.partition("_")[0].upper(): f"{room}.{name}" for name in sorted(coded)}


def _check(code: str, module: Any) -> Check:
    framework = getattr(module, "FRAMEWORK", FRAMEWORKS.get(code[0], "torch"))
    needs = getattr(module, "NEEDS", NEEDS.get(code[0], "training"))
    return Check(code, module.TITLE, module.TIER, module.CAUSES, module.judge, module.__doc__, framework, needs)
