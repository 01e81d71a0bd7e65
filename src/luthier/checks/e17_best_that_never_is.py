"""The best result so far starts at a number that none can be better than.

What it detects

A variable that starts at 0 and is lowered by `if loss < best: best = loss`, while all losses that were seen are
positive; or one that starts at infinity on the wrong side. Nothing else sets it.

Why it hurts

No epoch ever counts as the best: no checkpoint is taken, or early stopping counts every epoch as one without
progress, and what is restored at the end are the weights of the beginning.

Evidence

Exact: the two lines in the source; for a start at 0, that no loss of a backward pass was zero or below.

Mend

Wrong:

    best_loss = 0.0
    if val_loss < best_loss:
        best_loss = val_loss

Right:

    best_loss = float("inf")

When it keeps silent

Scores that can be negative: a start at 0 is wrong for what is called a loss or an error only; a variable that is set
anywhere else.

Source

Early stopping in PyTorch tutorials, which begins at infinity.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterator
from typing import NamedTuple, TypeGuard

from luthier.checks.reading import NAMED_LOSS, course
from luthier.checks.wording import line_at, parsed
from luthier.findings import Finding, Place, Unknown
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "E17", "no result can become the best", "quick", ()
FRAMEWORK, NEEDS = "", "training"
SIGNS = {ast.Lt: ("<", ">"), ast.LtE: ("<", ">"), ast.Gt: (">", "<"), ast.GtE: (">", "<")}
INFINITE = re.compile(r"""(-?)(?:float\(['"]\+?(-?)inf(?:inity)?['"]\)|(?:math|np|numpy|torch)\.inf)""")


def judge(trace: Trace) -> list[Finding] | Unknown:
    """Comparisons of the sources, each variable once."""
    positive = min(course(trace), default=0.0) > 0
    found: dict[tuple[str, str], Finding] = {}
    for file, source in trace.sources.items():
        tree = parsed(source)
        for each in _improvements(tree):
            start = _start(tree, each)
            if start is not None and _never(start[0], each, positive):
                places = [line_at(trace.sources, file, node.lineno) for node in (start[1], each.test)]
                found.setdefault((file, each.best), _finding(each, start[0], places))
    return list(found.values())


class Improvement(NamedTuple):
    """`if value < best: best = value`; better: "<" or ">"; kept: the assignment."""

    best: str
    value: str
    better: str
    test: ast.If
    kept: ast.Assign


def _improvements(tree: ast.Module) -> Iterator[Improvement]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.If) or not isinstance(node.test, ast.Compare) or len(node.test.ops) != 1:
            continue
        left, right = ast.unparse(node.test.left), ast.unparse(node.test.comparators[0])
        signs = SIGNS.get(type(node.test.ops[0]), ("", ""))
        for value, best, better in ((left, right, signs[0]), (right, left, signs[1])):
            kept = next((n for n in node.body if _sets(n, best) and ast.unparse(n.value) == value), None)
            if better and kept is not None:
                yield Improvement(best, value, better, node, kept)


def _sets(node: ast.AST, name: str) -> TypeGuard[ast.Assign]:
    return isinstance(node, ast.Assign) and [ast.unparse(t) for t in node.targets] == [name]


def _start(tree: ast.Module, each: Improvement) -> tuple[float, ast.Assign] | None:
    """The number that a variable starts at, and the line; None where it is no number, or is set elsewhere too."""
    stores = [
        n for n in ast.walk(tree) if isinstance(getattr(n, "ctx", None), ast.Store) and ast.unparse(n) == each.best
    ]
    sets = [n for n in ast.walk(tree) if _sets(n, each.best) and n is not each.kept]
    start = _number(sets[0].value) if len(sets) == 1 and len(stores) == 2 else None
    return None if start is None else (start, sets[0])


def _number(node: ast.expr) -> float | None:
    text = ast.unparse(node)
    infinite = INFINITE.fullmatch(text)
    if infinite:
        return -math.inf if "-" in infinite.groups("") else math.inf
    try:
        value = ast.literal_eval(node)
    except ValueError:
        return None
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _never(start: float, each: Improvement, positive: bool) -> bool:
    """Can no value be better than the start?"""
    if each.better == ">":
        return start == math.inf
    named = NAMED_LOSS.search(each.best) or NAMED_LOSS.search(each.value)
    return start == -math.inf or (start <= 0 and positive and named is not None)


def _finding(each: Improvement, start: float, places: list[Place]) -> Finding:
    right = f'{each.best} = {"-" if each.better == ">" else ""}float("inf")'
    return Finding(
        code=CODE,
        title=TITLE,
        number=start,
        n=1,
        text=f"`{each.best}` starts at {start:g} and is replaced only by a `{each.value}` {each.better} it: none is.",
        remedy=f"Begin with {right}.",
        severity="error",
        certain=True,
        place=places[0],
        others=tuple(places[1:]),
        cause="No epoch counts as the best one: what is kept, restored or counted for early stopping is wrong.",
        wrong=f"{each.best} = {start:g}",
        right=right,
    )
