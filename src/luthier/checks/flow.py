"""The way of a value through the text of one file: from the line where it is made to the loss that is trained."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from luthier.checks.patches import last_name
from luthier.checks.wording import parsed

KEEPS = frozenset(
    {
        "view",
        "reshape",
        "flatten",
        "squeeze",
        "unsqueeze",
        "contiguous",
        "float",
        "double",
        "to",
        "sum",
        "mean",
        "abs",
        "clamp",
        "sqrt",
        "add",
        "sub",
        "mul",
        "div",
        "add_",
        "norm",
        "vector_norm",
        "pow",
        "square",
        "relu",
        "max",
        "cat",
        "stack",
        "log",
        "exp",
        "transpose",
        "t",
        "scale",
        "mse_loss",
        "l1_loss",
        "smooth_l1_loss",
    }
)
"""Functions and methods whose result is made of the numbers that they are given."""
MEASURES = frozenset({"norm", "vector_norm", "pow", "square", "mse_loss", "l1_loss", "smooth_l1_loss"})
"""Those that say how large something is."""
Function = ast.FunctionDef | ast.AsyncFunctionDef
ROUNDS = 4


class Carried:
    """What is made of one value: names of variables, and whether it was measured on the way."""

    def __init__(self, functions: dict[str, bool]) -> None:
        self.names: dict[str, bool] = {}
        self.functions = functions

    def by(self, node: ast.expr | None) -> bool | None:
        """Whether an expression is made of the value: None: no; else whether it was measured."""
        if node is None:
            return None
        key = ast.unparse(node)
        if key in self.names:
            return self.names[key]
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow) and self.by(node.left) is not None:
            return True
        return self._call(node) if isinstance(node, ast.Call) else self._any(*_parts(node))

    def _any(self, *nodes: ast.expr) -> bool | None:
        found = [f for n in nodes if (f := self.by(n)) is not None]
        return any(found) if found else None

    def _call(self, node: ast.Call) -> bool | None:
        name = last_name(node.func)
        if name in self.functions:
            return self.functions[name]
        if name not in KEEPS:
            return None
        holder = node.func.value if isinstance(node.func, ast.Attribute) else None
        found = self._any(*([holder] if holder is not None else []), *node.args)
        return True if found is not None and name in MEASURES else found


def _parts(node: ast.expr) -> list[ast.expr]:
    """The expressions that an expression takes its numbers from."""
    if isinstance(node, ast.BinOp):
        return (
            [node.left] if isinstance(node.op, ast.Div) else [node.left, node.right]
        )  # 1 / slope weighs, it is no loss
    if isinstance(node, ast.UnaryOp):
        return [node.operand]
    if isinstance(node, ast.Tuple | ast.List):
        return node.elts
    if isinstance(node, ast.IfExp):
        return [node.body, node.orelse]
    if isinstance(node, ast.Subscript | ast.Starred) or (
        isinstance(node, ast.Attribute) and node.attr in ("T", "mT")
    ):
        return [node.value]
    return []


def reaches_backward(source: str, line: int) -> int:
    """The line of a `backward` whose loss is made of what a line makes, once it was measured; 0 where there is none.

    >>> text = "g = grad(y, x)\\np = (g.norm(2, dim=1) - 1) ** 2\\nloss = real + 10 * p.mean()\\nloss.backward()"
    >>> reaches_backward(text, 1)
    4
    >>> reaches_backward(text.replace("p.mean()", "model(x + g)"), 1)
    0
    """
    tree = parsed(source)
    functions: dict[str, bool] = {}
    for _ in range(ROUNDS):
        before = dict(functions)
        for scope in ast.walk(tree):
            if isinstance(scope, ast.Module | Function):
                found = _in_scope(scope, line, functions)
                if found:
                    return found
        if functions == before:
            return 0
    return 0


def _in_scope(scope: ast.Module | Function, line: int, functions: dict[str, bool]) -> int:
    """Follow the value through one scope; functions that return it are noted, the line of a backward is returned."""
    carried = Carried(functions)
    for node in _statements(scope.body):
        made = node.lineno <= line <= (node.end_lineno or node.lineno)
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
            _assign(node, carried, made)
        elif isinstance(node, ast.Return) and isinstance(scope, Function):
            measured = _inside(node.value, carried) if made else carried.by(node.value)
            if measured is not None:
                functions[scope.name] = functions.get(scope.name, False) or measured
        elif isinstance(node, ast.Expr) and _goes_back(node.value, carried):
            return node.lineno
    return 0


def _assign(node: ast.Assign | ast.AnnAssign | ast.AugAssign, carried: Carried, made: bool) -> None:
    measured = _inside(node.value, carried) if made else carried.by(node.value)
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    for target in targets:
        for name in target.elts if isinstance(target, ast.Tuple | ast.List) else [target]:
            key = ast.unparse(name.value if isinstance(name, ast.Starred) else name)
            if measured is not None:
                carried.names[key] = carried.names.get(key, False) or measured
            elif not isinstance(node, ast.AugAssign):
                carried.names.pop(key, None)


def _inside(node: ast.expr | None, carried: Carried) -> bool | None:
    """An expression that holds the call that makes the value: as if `grad(...)` were the value."""
    if node is None:
        return None
    inner = Carried({**carried.functions, "grad": False})
    inner.names = carried.names
    return inner.by(node)


def _goes_back(node: ast.expr, carried: Carried) -> bool:
    """Is it `loss.backward()` or `engine.backward(loss)`, with a loss that is made of the measured value?"""
    if not isinstance(node, ast.Call) or last_name(node.func) not in ("backward", "manual_backward"):
        return False
    holder = node.func.value if isinstance(node.func, ast.Attribute) else None
    return any(carried.by(n) for n in [*([holder] if holder is not None else []), *node.args])


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Simple statements in order, through blocks but not into functions and classes."""
    for node in body:
        if isinstance(node, Function | ast.ClassDef):
            continue
        inner = [s for name in ("body", "orelse", "finalbody") for s in getattr(node, name, [])]
        if inner:
            yield from _statements(inner)
        else:
            yield node
