"""The source of a function with all that it needs of its module, to stand in a file of its own."""

from __future__ import annotations

import ast
import builtins
import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

from luthier.errors import Unsupported


class Plain(NamedTuple):
    """Import lines, and the definitions in the order of the module."""

    imports: tuple[str, ...]
    text: str
    name: str


def plain_code(function: Callable[..., Any], *others: Callable[..., Any]) -> Plain:
    """The definitions and imports of the function's module that it uses, directly or through others.

    Args:
        others: functions of the same module that are wanted too.

    Raises:
        Unsupported: its source is not to be had, it closes over variables, or it leans on something that is not at
            the top of its module.
    """
    name, module = getattr(function, "__name__", ""), inspect.getmodule(function)
    for one in (function, *others):
        if getattr(one, "__closure__", None) or "<" in getattr(one, "__qualname__", "<"):
            raise _refused(f"{getattr(one, '__name__', 'a function')} stands inside another function")
        if inspect.getmodule(one) is not module:
            raise _refused(f"{one.__name__} stands in another file than {name}")
    try:
        tree = ast.parse(inspect.getsource(module) if module else "")
    except (OSError, TypeError, SyntaxError):
        raise _refused(f"the source of {name} is not to be had") from None
    homes = _homes(tree)
    needed, left = set(), [str(getattr(one, "__name__", "")) for one in (function, *others)]
    for wanted in left:
        if wanted not in homes:
            raise _refused(f"{wanted} is not defined at the top of its module")
    while left:
        next_one = left.pop()
        if next_one in needed:
            continue
        needed.add(next_one)
        left += [used for used in _used(homes[next_one]) if used in homes]
        _known(homes[next_one], homes)
    nodes = sorted({id(homes[n]): homes[n] for n in needed}.values(), key=lambda node: node.lineno)
    imports = [n for n in nodes if isinstance(n, ast.Import | ast.ImportFrom)]
    if any(_is_relative(n) for n in imports):
        raise _refused(f"{name} imports from beside its module")
    lines = inspect.getsource(module).splitlines() if module else []
    defined = [_lines(n, lines) for n in nodes if n not in imports]
    return Plain(tuple(ast.unparse(n) for n in imports), "\n\n\n".join(defined), name)


def _homes(tree: ast.Module) -> dict[str, ast.stmt]:
    """Name -> the statement at the top of the module that makes it."""
    homes: dict[str, ast.stmt] = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            homes[node.name] = node
        elif isinstance(node, ast.Import | ast.ImportFrom):
            for alias in node.names:
                homes[(alias.asname or alias.name).partition(".")[0]] = node
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                homes |= {n.id: node for n in ast.walk(target) if isinstance(n, ast.Name)}
    return homes


def _used(node: ast.stmt) -> list[str]:
    return [n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)]


def _known(node: ast.stmt, homes: dict[str, ast.stmt]) -> None:
    """Every name that is read is made somewhere that can be seen."""
    made = {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and not isinstance(n.ctx, ast.Load)}
    made |= {a.arg for a in ast.walk(node) if isinstance(a, ast.arg)}
    made |= {n.name for n in ast.walk(node) if isinstance(n, ast.FunctionDef | ast.ClassDef)}
    made |= {
        (alias.asname or alias.name).partition(".")[0]
        for n in ast.walk(node)
        if isinstance(n, ast.Import | ast.ImportFrom)
        for alias in n.names
    }
    for name in _used(node):
        if name not in made and name not in homes and not hasattr(builtins, name):
            raise _refused(f"where {name!r} comes from is not to be seen")


def _is_relative(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and node.level > 0


def _lines(node: ast.stmt, lines: list[str]) -> str:
    """Its text, decorators included."""
    above = [d.lineno for d in getattr(node, "decorator_list", [])]
    return "\n".join(lines[min([node.lineno, *above]) - 1 : node.end_lineno]).rstrip()


def _refused(reason: str) -> Unsupported:
    return Unsupported(reason, must="a function at the top of a file", where="train.py")
