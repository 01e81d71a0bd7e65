"""The house rules that a machine can read off the source: a source in, complaints out.

Each complaint names the place and what is wrong. `twins.py` holds a source that breaks each rule.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from typing import NamedTuple

from house.tree import Source

Function = ast.FunctionDef | ast.AsyncFunctionDef
MAX_POSITIONAL = 4
MIN_WORDS = 3
"""A test's name that says a promise has this many words at least after `test_`; a shorter one has a docstring."""
NAMED_TUPLE = {"_replace", "_asdict", "_fields", "_make"}
"""Public in spite of the underscore: it keeps them apart from the fields of a named tuple."""
BARE = {"Exception", "BaseException", "RuntimeError", "ValueError", "TypeError", "KeyError", "OSError"}
TOO_WIDE = {"Exception", "BaseException"}
COMMENTS = {"type_ignore": r"#\s*type:\s*ignore", "noqa": r"#\s*noqa", "fmt_skip": r"#\s*fmt:\s*skip"}
REASONED = re.compile(
    r"#\s*(type:\s*ignore\[[\w, -]+\]|noqa:\s*[A-Z]+\d+(,\s*[A-Z]+\d+)*)\s*(?P<reason>.*)", re.DOTALL
)


class Named(NamedTuple):
    """A function or class, its name with those of the classes around it, and whether it is a method."""

    node: Function | ast.ClassDef
    name: str
    method: bool

    @property
    def public(self) -> bool:
        """May others call it? `__init__` counts as its class does."""
        return not any(p.startswith("_") and p != "__init__" for p in self.name.split("."))

    @property
    def decorators(self) -> set[str]:
        """Names of its decorators, without arguments."""
        return {ast.unparse(d.func if isinstance(d, ast.Call) else d) for d in self.node.decorator_list}


def definitions(tree: ast.AST, within: str = "") -> Iterator[Named]:
    """Functions and classes of a module and of its classes; not those inside functions."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, Function | ast.ClassDef):
            name = f"{within}.{node.name}" if within else node.name
            yield Named(node, name, bool(within))
            if isinstance(node, ast.ClassDef):
                yield from definitions(node, name)
        elif isinstance(node, ast.If | ast.Try):
            yield from definitions(node, within)


def num_positional(found: Named) -> int:
    """Arguments that a caller may pass by position, `self` not counted."""
    assert isinstance(found.node, Function)
    arguments = found.node.args
    bound = found.method and "staticmethod" not in found.decorators
    return len(arguments.posonlyargs) + len(arguments.args) - bound


def too_many_positional(source: Source) -> list[str]:
    """Public functions with more than 4 positional arguments. Commands are called by typer, by keyword."""
    return [
        f"{source.name}: {found.name}"
        for found in definitions(source.tree)
        if isinstance(found.node, Function)
        and found.public
        and "app.command" not in found.decorators
        and num_positional(found) > MAX_POSITIONAL
    ]


def undocumented(source: Source) -> list[str]:
    """Modules with code, public classes and public functions without a docstring."""
    missing = [] if ast.get_docstring(source.tree) or not source.tree.body else [source.name]
    return missing + [
        f"{source.name}: {found.name}"
        for found in definitions(source.tree)
        if found.public and found.node.name != "__init__" and not ast.get_docstring(found.node)
    ]


def unnamed_tests(source: Source) -> list[str]:
    """Tests whose name is no sentence and that have no docstring either."""
    return [
        f"{source.name}: {found.name}"
        for found in definitions(source.tree)
        if found.node.name.startswith("test_")
        and len(found.node.name.removeprefix("test_").split("_")) < MIN_WORDS
        and not ast.get_docstring(found.node)
    ]


def private_use(source: Source) -> list[str]:
    """Names with a leading underscore that the module did not define: another's private parts."""
    own = {n.name for n in ast.walk(source.tree) if isinstance(n, Function | ast.ClassDef)}
    own |= {n.id for n in ast.walk(source.tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    own |= {n.attr for n in ast.walk(source.tree) if isinstance(n, ast.Attribute) and _of_self(n.value)}
    complaints = []
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Attribute) and _private(node.attr) and node.attr not in own | NAMED_TUPLE:
            complaints.append(f"{source.name}: {ast.unparse(node)}")
        elif isinstance(node, ast.ImportFrom) and node.module != "__future__":
            names = [*(node.module or "").split("."), *(alias.name for alias in node.names)]
            complaints += [f"{source.name}: from {node.module} import {n}" for n in names if _private(n)]
    return complaints


def _of_self(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in ("self", "cls")


def _private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def vague_errors(source: Source, kinds: set[str]) -> list[str]:
    """Raised luthier errors that name neither a condition nor a remedy, and bare builtin ones.

    A message that reports another error (an f-string with {error}) says enough; `__getattr__` must raise
    AttributeError, and an encoder's hook TypeError.
    """
    complaints = []
    for node in ast.walk(source.tree):
        if not (isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call)):
            continue
        name = ast.unparse(node.exc.func).rpartition(".")[2]
        told = {keyword.arg for keyword in node.exc.keywords}
        reports = any(isinstance(n, ast.Name) and n.id == "error" for n in ast.walk(node.exc))
        if name in BARE or (name in kinds and not told & {"must", "remedy"} and not reports):
            complaints.append(f"{source.name}: {ast.unparse(node)[:90]}")
    return complaints


def wide_excepts(source: Source) -> list[str]:
    """`except Exception` without a reason on its line, and `except:`."""
    lines = source.text.splitlines()
    return [
        f"{source.name}: {lines[node.lineno - 1].strip()}"
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or ast.unparse(node.type) in TOO_WIDE)
        and "#" not in lines[node.lineno - 1]
        and not isinstance(node.body[-1], ast.Raise)
    ]


def comments(source: Source) -> list[str]:
    """Every comment."""
    tokens = tokenize.generate_tokens(io.StringIO(source.text).readline)
    return [token.string for token in tokens if token.type == tokenize.COMMENT]


def suppressions(source: Source) -> dict[str, int]:
    """How often the source asks a tool to look away, by kind."""
    return {kind: sum(bool(re.search(p, c)) for c in comments(source)) for kind, p in COMMENTS.items()}


def unreasoned(source: Source) -> list[str]:
    """Suppressions of type checker and linter without a code or without a reason behind it."""
    asked = [c for c in comments(source) if re.search(f"{COMMENTS['type_ignore']}|{COMMENTS['noqa']}", c)]
    return [
        f"{source.name}: {comment}"
        for comment in asked
        if not ((found := REASONED.search(comment)) and len(found["reason"].strip(" -#")) > 2)
    ]


def body_lines(node: Function) -> int:
    """Lines of a function's body, the docstring not counted."""
    body = node.body[1:] if ast.get_docstring(node) is not None else node.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def functions(source: Source) -> list[tuple[str, int]]:
    """(place, body lines) of every function, those inside functions too."""
    return [(f"{source.name}: {n.name}", body_lines(n)) for n in ast.walk(source.tree) if isinstance(n, Function)]
