"""Patches inside a statement: a call that goes, a layer that leaves a Sequential, lines around a block.

A patch is offered only where the source says exactly one thing; otherwise it is empty and a person decides.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from itertools import takewhile
from typing import Any

from luthier.checks.wording import Sources, parsed, statement
from luthier.findings import Edit, Place

MODULES = frozenset({"torch", "F", "nn", "functional", "self", "jax", "np"})
"""Names whose attributes are functions, not methods of a tensor."""


def last_name(node: ast.expr) -> str:
    """The last part of what is called: "softmax" of `torch.nn.functional.softmax`."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def only_call(sources: Sources, place: Place | None, names: Iterable[str]) -> ast.Call | None:
    """The only call of one of the names in the statement at a place."""
    found = statement(sources, place)
    if found is None:
        return None
    wanted = set(names)
    calls = [n for n in ast.walk(found.node) if isinstance(n, ast.Call) and last_name(n.func) in wanted]
    return calls[0] if len(calls) == 1 else None


def replace_node(sources: Sources, place: Place, node: ast.expr, new: str) -> tuple[Edit, ...]:
    """A patch that puts other text in the place of an expression that stands on one line."""
    if node.lineno != node.end_lineno or node.end_col_offset is None:
        return ()
    line = sources[place.file].splitlines()[node.lineno - 1]
    raw = line.encode()
    text = raw[: node.col_offset].decode() + new + raw[node.end_col_offset :].decode()
    return (Edit(file=place.file, line=node.lineno, old=(line,), new=(text,)),)


def unwrap_call(sources: Sources, place: Place | None, *names: str) -> tuple[Edit, ...]:
    """A patch that leaves the argument of a call in its place: `F.softmax(x, 1)` and `x.softmax(1)` become `x`."""
    call = only_call(sources, place, names)
    if call is None or place is None:
        return ()
    kept = argument(call)
    text = ast.get_source_segment(sources[place.file], kept) if kept is not None else None
    return replace_node(sources, place, call, text) if text else ()


def argument(call: ast.Call) -> ast.expr | None:
    """What a call works on: its first argument, or for a method what it hangs on."""
    function = call.func
    if isinstance(function, ast.Attribute) and not _is_module(function.value):
        return function.value
    first = call.args[0] if call.args else None
    return None if isinstance(first, ast.Starred) else first


def _is_module(node: ast.expr) -> bool:
    if isinstance(node, ast.Name):
        return node.id in MODULES
    return isinstance(node, ast.Attribute) and node.attr in MODULES and _is_module(node.value)


def drop_layer(sources: Sources, kind: str) -> tuple[Edit, ...]:
    """A patch that takes a layer out of `Sequential(...)`: only where the sources build exactly one of its kind,
    as an argument that is not the first, on one line."""
    found = [
        (file, call, index)
        for file, source in sources.items()
        for call in calls_in(source)
        if last_name(call.func) == "Sequential"
        for index, layer in enumerate(call.args)
        if isinstance(layer, ast.Call) and last_name(layer.func) == kind
    ]
    built = sum(last_name(call.func) == kind for source in sources.values() for call in calls_in(source))
    if len(found) != 1 or built != 1 or found[0][2] == 0:
        return ()
    file, call, index = found[0]
    before, layer = call.args[index - 1], call.args[index]
    lines = sources[file].splitlines()
    if layer.lineno != layer.end_lineno or layer.end_col_offset is None:
        return ()
    line = lines[layer.lineno - 1]
    rest = line.encode()[layer.end_col_offset :].decode().strip()
    if before.end_lineno == layer.lineno and before.end_col_offset is not None:
        raw = line.encode()
        text = (raw[: before.end_col_offset] + raw[layer.end_col_offset :]).decode()
        return (Edit(file=file, line=layer.lineno, old=(line,), new=(text,)),)
    if line[: layer.col_offset].strip() == "" and rest in ("", ","):
        return (Edit(file=file, line=layer.lineno, old=(line,)),)
    return ()


def calls_in(source: str) -> list[ast.Call]:
    """All calls of a file."""
    return [node for node in ast.walk(parsed(source)) if isinstance(node, ast.Call)]


def blocks_around(source: str, line: int, *kinds: type[Any]) -> list[Any]:
    """The nodes of these kinds among whose lines a line is, outermost first."""
    nodes = [node for node in ast.walk(parsed(source)) if isinstance(node, kinds)]
    return [node for node in nodes if node.lineno <= line <= (node.end_lineno or 0)]


def around_block(
    sources: Sources, place: Place | None, lines: tuple[str, str], apart_from: Iterable[Place | None]
) -> tuple[Edit, ...]:
    """A patch that puts one line before and one after the largest `with` or `for` block around a place that holds
    none of the other places; empty where there is none."""
    source = sources.get(place.file) if place else None
    if source is None or place is None:
        return ()
    others = [p.line for p in apart_from if p is not None and p.file == place.file]
    for node in blocks_around(source, place.line, ast.With, ast.For):
        if any(node.lineno <= line <= node.end_lineno for line in others):
            continue
        if any(isinstance(inner, ast.Return) for inner in ast.walk(node)):
            return ()  # the line after the block would not be reached
        indent = " " * node.col_offset
        return (
            Edit(file=place.file, line=node.lineno, new=(indent + lines[0],)),
            Edit(file=place.file, line=node.end_lineno + 1, new=(indent + lines[1],)),
        )
    return ()


def out_of_loop(sources: Sources, place: Place | None) -> tuple[Edit, ...]:
    """A patch that moves a statement before the outermost loop whose body it does not depend on.

    Empty where it stands in no loop of its own block, uses a name that every loop around it sets, or is the whole
    body.
    """
    found = statement(sources, place)
    if found is None or not found.alone or place is None or len(found.block) == 1:
        return ()
    lines = sources[place.file].splitlines()
    used = {n.id for n in ast.walk(found.node) if isinstance(n, ast.Name)}
    goal: ast.For | ast.While | None = None
    for loop in reversed(_loops(sources[place.file], found.first)):
        set_in_loop = {
            n.id
            for n in ast.walk(loop)
            if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store) and not _within(n, found.node)
        }
        if used & set_in_loop:
            break
        goal = loop
    if goal is None:
        return ()
    old = tuple(lines[found.first - 1 : found.last])
    indent = " " * goal.col_offset
    new = tuple(indent + line.removeprefix(found.indent) for line in old)
    return (
        Edit(file=place.file, line=goal.lineno, new=new),
        Edit(file=place.file, line=found.first, old=old),
    )


def _loops(source: str, line: int) -> list[ast.For | ast.While]:
    """Loops of the same function around a line, outermost first."""
    scopes, loops = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda), (ast.For, ast.While)
    inner_first = reversed(blocks_around(source, line, *scopes, *loops))
    return [*takewhile(lambda node: isinstance(node, loops), inner_first)][::-1]


def _within(node: ast.AST, outer: ast.stmt) -> bool:
    first, last = outer.lineno, outer.end_lineno or outer.lineno
    return first <= getattr(node, "lineno", 0) <= last
