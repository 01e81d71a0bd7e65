"""What several checks share: numbers in words, the statement that a line belongs to, and small safe patches.

A patch is offered only where its place is certain: a simple statement (no loop head, no compound statement)
that stands on lines of its own.
"""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from luthier.findings import Edit, Place

Sources = Mapping[str, str]
"""Text of the person's files by absolute path."""


def percent(share: float) -> str:
    """A share in words, without false precision.

    >>> percent(0.5), percent(0.987), percent(0.0004)
    ('50 %', '98.7 %', '0.04 %')
    """
    value = 100.0 * share
    digits = 0 if value == round(value) else 1 if value >= 1 else 2
    return f"{value:.{digits}f} %"


def few(names: Iterable[str], limit: int = 3) -> str:
    """The first names and how many more there are.

    >>> few(["a", "b", "c", "d", "e"])
    'a, b, c and 2 more'
    """
    listed = list(names)
    more = len(listed) - limit
    return ", ".join(listed[:limit]) + (f" and {more} more" if more > 0 else "")


def plural(n: int, word: str) -> str:
    """A number with its noun.

    >>> plural(1, "step"), plural(3, "backward pass"), plural(6, "epoch")
    ('1 step', '3 backward passes', '6 epochs')
    """
    hisses = word.endswith(("s", "ch", "sh", "x")) and not word.endswith("epoch")
    return f"{n} {word}" if n == 1 else f"{n} {word}{'es' if hisses else 's'}"


def every(n: int, word: str) -> str:
    """All of so many.

    >>> every(1, "call"), every(3, "call")
    ('the only call', 'all 3 calls')
    """
    return f"all {plural(n, word)}" if n > 1 else f"the only {word}"


def code(text: str) -> str:
    """A code example as it is written in a check: indentation and outer blank lines removed."""
    return textwrap.dedent(text).strip("\n")


class Statement(NamedTuple):
    """A simple statement: its lines (counted from 1, both included), indentation and syntax tree.

    `alone`: nothing else stands on its lines. `block`: lines of the statements beside it, in order.
    """

    first: int
    last: int
    indent: str
    node: ast.stmt
    alone: bool
    block: tuple[int, ...]


@lru_cache(maxsize=32)
def parsed(source: str) -> ast.Module:
    """The syntax tree of a file, made once and only to be read; an empty one where it is no Python."""
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError):
        return ast.Module(body=[], type_ignores=[])


def statement(sources: Sources, place: Place | None) -> Statement | None:
    """The innermost simple statement that covers a place; None where there is none or the file is not known."""
    source = sources.get(place.file) if place else None
    if source is None or place is None:
        return None
    lines = source.splitlines()
    best: Statement | None = None
    for owner in ast.walk(parsed(source)):
        for block in _blocks(owner):
            starts = [node.lineno for node in block]
            for node in block:
                last = node.end_lineno or node.lineno
                if node.lineno <= place.line <= last and not any(_blocks(node)):
                    best = Statement(
                        node.lineno,
                        last,
                        lines[node.lineno - 1][: node.col_offset],
                        node,
                        _alone(lines, node),
                        tuple(starts),
                    )
    return best


def _blocks(node: ast.AST) -> Iterable[Sequence[ast.stmt]]:
    """The lists of statements inside a compound statement."""
    for name in ("body", "orelse", "finalbody"):
        block = getattr(node, name, None)
        if isinstance(block, list) and block:
            yield block
    for handler in getattr(node, "handlers", ()) or getattr(node, "cases", ()):
        yield handler.body


def _alone(lines: Sequence[str], node: ast.stmt) -> bool:
    before = lines[node.lineno - 1][: node.col_offset]
    after = lines[(node.end_lineno or node.lineno) - 1].encode()[node.end_col_offset or 0 :].decode()
    return not before.strip() and (not after.strip() or after.strip().startswith("#"))


def owner(sources: Sources, place: Place | None, method: str) -> str:
    """What a method is called on at a place: "self.opt" in `self.opt.step()`; empty where it is not one thing."""
    found = statement(sources, place)
    if found is None:
        return ""
    names = {
        ast.unparse(node.func.value)
        for node in ast.walk(found.node)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == method
    }
    return name if len(names) == 1 and _plain(name := names.pop()) else ""


def line_at(sources: Sources, file: str, line: int) -> Place:
    """A line of the person's, with what it says."""
    return Place(file=file, line=line, text=sources[file].splitlines()[line - 1].strip())


def made_at(sources: Sources, attribute: str) -> Place | None:
    """The one line that assigns `self.<attribute>`; None where there is none or several.

    Args:
        attribute: name of a layer; of a dotted one the first part.
    """
    name = attribute.partition(".")[0]
    found = [
        (file, node.lineno)
        for file, source in sources.items()
        for node in ast.walk(parsed(source))
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Attribute) and target.attr == name and ast.unparse(target.value) == "self"
    ]
    if len(found) != 1:
        return None
    return line_at(sources, *found[0])


def called_in(sources: Sources, method: str) -> Place | None:
    """The one line that calls a function or method of this name; None where there is none or several."""
    found = {
        (file, node.lineno)
        for file, source in sources.items()
        for node in ast.walk(parsed(source))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == method
    }
    return line_at(sources, *found.pop()) if len(found) == 1 else None


def _plain(name: str) -> bool:
    return all(part.isidentifier() for part in name.split("."))


def insert_before(sources: Sources, place: Place | None, *new: str) -> tuple[Edit, ...]:
    """A patch that puts lines before the statement at a place, indented like it; empty where that is not safe."""
    found = statement(sources, place)
    if found is None or not found.alone or place is None:
        return ()
    return (Edit(file=place.file, line=found.first, new=tuple(found.indent + line for line in new)),)


def insert_after(sources: Sources, place: Place | None, *new: str) -> tuple[Edit, ...]:
    """A patch that puts lines after the statement at a place, indented like it; empty where that is not safe."""
    found = statement(sources, place)
    if found is None or not found.alone or place is None:
        return ()
    return (Edit(file=place.file, line=found.last + 1, new=tuple(found.indent + line for line in new)),)


def replace(sources: Sources, place: Place | None, *new: str) -> tuple[Edit, ...]:
    """A patch that puts lines in the place of a whole statement; no lines: the statement goes."""
    found = statement(sources, place)
    if found is None or not found.alone or place is None:
        return ()
    if not new and len(found.block) == 1:
        return ()  # an empty block is no Python
    old = tuple(sources[place.file].splitlines()[found.first - 1 : found.last])
    return (Edit(file=place.file, line=found.first, old=old, new=tuple(found.indent + line for line in new)),)


def move_before(sources: Sources, place: Place | None, target: Place | None) -> tuple[Edit, ...]:
    """A patch that moves a statement before another one of the same block; empty where that is not safe."""
    source, goal = statement(sources, place), statement(sources, target)
    if source is None or goal is None or place is None or target is None or place.file != target.file:
        return ()
    if source.block != goal.block or source.first == goal.first or not (source.alone and goal.alone):
        return ()
    lines = tuple(sources[place.file].splitlines()[source.first - 1 : source.last])
    return (
        Edit(file=place.file, line=source.first, old=lines),
        Edit(file=target.file, line=goal.first, new=lines),
    )


def bare_method(sources: Sources, *methods: str) -> list[tuple[Place, str]]:
    """Statements that name a method without calling it, such as `optimizer.step`: (place, what it hangs on)."""
    found = []
    for file, source in sources.items():
        for node in ast.walk(parsed(source)):
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Attribute) and node.value.attr in methods:
                found.append((line_at(sources, file, node.lineno), ast.unparse(node.value.value)))
    return found
