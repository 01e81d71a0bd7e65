"""All checks that there are, of scripts under watch and of models under test, as the front names them."""

from __future__ import annotations

import inspect
from functools import cache

from luthier.checks.spec import ACTIVE, Check, checks, modules
from luthier.errors import InvalidInput
from luthier.reports.findings.pages import explain
from luthier.reports.findings.view import Rule


def codes() -> tuple[str, ...]:
    """All codes, in order; no check is imported for it."""
    return tuple(sorted({*modules(), *modules(ACTIVE)}))


@cache
def rules() -> dict[str, Rule]:
    """Title, page and tier by code. A code that both kinds of check have gets one page with a part for each."""
    watched, tested = checks(), checks(ACTIVE)
    return {code: _rule(watched.get(code), tested.get(code)) for code in codes()}


def page_of(code: str) -> str:
    """The page of one check for a terminal.

    Raises:
        InvalidInput: there is no such check.
    """
    from luthier.verbs.check_settings import expand

    found = expand([code], codes(), "option --explain")
    if len(found) != 1:
        raise InvalidInput(f"--explain {code!r} does not name one check", remedy="`luthier checks` lists them")
    return explain(found[0], rules()[found[0]])


def _rule(watched: Check | None, tested: Check | None) -> Rule:
    first = watched or tested
    assert first is not None
    pages = [inspect.cleandoc(check.page) for check in (watched, tested) if check]
    causes = tuple(dict.fromkeys(c for check in (watched, tested) if check for c in check.causes))
    join = "\n\nAs a test of a model and its data\n\n"
    return Rule(first.title, join.join(pages), first.tier, causes)
