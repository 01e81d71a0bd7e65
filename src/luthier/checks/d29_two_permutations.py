"""Inputs and targets are put in order by two different permutations.

What it detects

In the person's source: `x = x[perm]` and `y = y[other]`, each permutation drawn for itself, where x and y then go
together (TensorDataset, zip, or the two sides of a loss); or a mixup that mixes inputs by one permutation and targets
by another.

Why it hurts

Row and label no longer belong together. The net learns nothing but the shares of the classes, or, in a mixup, is
given the wrong half of the label.

Evidence

Exact: the text of the program, of which a model was trained.

Mend

Wrong:

    X, y = X[torch.randperm(n)], y[torch.randperm(n)]

Right:

    perm = torch.randperm(n)
    X, y = X[perm], y[perm]

When it keeps silent

One permutation for both; arrays that never go together (two sets of their own).

Source

Zhang et al. 2018, arXiv 1710.09412 (one pairing for inputs and targets).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from luthier.checks.patches import last_name
from luthier.checks.wording import Sources, line_at, parsed
from luthier.findings import Finding, Place, Unknown
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "D29", "two permutations for one pairing", "quick", ()
FRAMEWORK = ""
PERMUTATIONS = ("randperm", "permutation")
LABELS = re.compile(r"^y|lab|targ")
PAIRS = ("TensorDataset", "zip", "train_test_split")
Taken = tuple[str, str, int]
"""What was put in order, by which permutation, at which line."""


def judge(trace: Trace) -> list[Finding] | Unknown:
    """The person's files that took part in the run."""
    if not any(f.trained_by for f in trace.forwards):
        return []
    return [finding for file in trace.sources for finding in _in_file(trace.sources, file)]


def _in_file(sources: Sources, file: str) -> Iterator[Finding]:
    tree = parsed(sources[file])
    for scope in ast.walk(tree):
        if isinstance(scope, ast.Module | ast.FunctionDef):
            pair = _shuffled_apart(scope, tree) or _mixed_apart(scope)
            if pair is not None:
                first, second = (line_at(sources, file, n) for _, _, n in pair)
                yield _finding(first, second, pair[0][0], pair[1][0])


def _shuffled_apart(scope: ast.Module | ast.FunctionDef, tree: ast.Module) -> tuple[Taken, Taken] | None:
    """`x = x[p]` and `y = y[q]` in one block, where x and y go together afterwards."""
    named = _named(scope.body)
    taken = [
        (target.id, _permutation(value.slice, named), statement.lineno)
        for statement in scope.body
        if isinstance(statement, ast.Assign)
        for target, value in _pairs(statement)
        if isinstance(value.value, ast.Name) and value.value.id == target.id
    ]
    shuffled = [t for t in taken if t[1]]
    for n, one in enumerate(shuffled):
        for other in shuffled[n + 1 :]:
            if one[0] != other[0] and one[1] != other[1] and _go_together(tree, one[0], other[0]):
                return one, other
    return None


def _pairs(statement: ast.Assign) -> Iterator[tuple[ast.Name, ast.Subscript]]:
    target, value = statement.targets[0], statement.value
    targets = target.elts if isinstance(target, ast.Tuple) else [target]
    values = value.elts if isinstance(value, ast.Tuple) else [value]
    for one, other in zip(targets, values, strict=False):
        if isinstance(one, ast.Name) and isinstance(other, ast.Subscript):
            yield one, other


def _mixed_apart(scope: ast.Module | ast.FunctionDef) -> tuple[Taken, Taken] | None:
    """`lam * x + (1 - lam) * x[p]` with another p for the targets, in one function."""
    if not isinstance(scope, ast.FunctionDef):
        return None
    named = _named(scope.body)
    arguments = {a.arg for a in scope.args.args}
    taken = [
        (node.value.id, which, node.lineno)
        for node in ast.walk(scope)
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id in arguments
        if (which := _permutation(node.slice, named))
    ]
    mixed = {
        name.id
        for node in ast.walk(scope)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add) and _has_rest(node)
        for name in ast.walk(node)
        if isinstance(name, ast.Name)
    }
    if len(taken) == 2 and taken[0][0] != taken[1][0] and taken[0][1] != taken[1][1]:
        return (taken[0], taken[1]) if {taken[0][0], taken[1][0]} & mixed else None
    return None


def _has_rest(node: ast.BinOp) -> bool:
    """Does an expression hold `1 - lam`?"""
    return any(
        isinstance(x, ast.BinOp)
        and isinstance(x.op, ast.Sub)
        and isinstance(x.left, ast.Constant)
        and x.left.value in (1, 1.0)
        for x in ast.walk(node)
    )


def _named(body: list[ast.stmt]) -> dict[str, str]:
    """Variables that hold a permutation: name -> which one. A second draw for the same name is another one."""
    return {
        target.id: f"{target.id}@{statement.lineno}"
        for statement in body
        if isinstance(statement, ast.Assign) and _draws(statement.value)
        for target in statement.targets
        if isinstance(target, ast.Name)
    }


def _permutation(index: ast.expr, named: dict[str, str]) -> str:
    """Which permutation an index is: a variable that holds one, or one that is drawn in place."""
    if isinstance(index, ast.Name):
        return named.get(index.id, "")
    return f"{index.lineno}:{index.col_offset}" if _draws(index) else ""


def _draws(node: ast.expr) -> bool:
    if isinstance(node, ast.Subscript):
        return False
    calls = [last_name(n.func) for n in ast.walk(node) if isinstance(n, ast.Call)]
    return any(name in PERMUTATIONS for name in calls) and "split" not in calls


def _go_together(tree: ast.Module, one: str, other: str) -> bool:
    """Are two variables rows and targets of one set: in TensorDataset or zip, the two sides of one call, or looked up
    by one index, the second called y, label or target?"""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and LABELS.search(other.lower()):
            parts = [n for n in ast.walk(node.value) if isinstance(n, ast.Subscript)]
            taken = {ast.unparse(n.value): ast.unparse(n.slice) for n in parts}
            if taken.get(one) is not None and taken.get(one) == taken.get(other) and not _draws(node.value):
                return True
        if not isinstance(node, ast.Call) or len(node.args) < 2:
            continue
        first, second = ({n.id for n in ast.walk(a) if isinstance(n, ast.Name)} for a in node.args[:2])
        inside = isinstance(node.args[0], ast.Call) and one in first and other in second
        if inside or (last_name(node.func) in PAIRS and {one, other} <= first | second):
            return True
    return False


def _finding(first: Place, second: Place, one: str, other: str) -> Finding:
    return Finding(
        code=CODE,
        title=TITLE,
        n=1,
        text=f"`{one}` and `{other}` belong together row by row, and each is put in order by a permutation of its "
        f"own (lines {first.line} and {second.line}).",
        remedy="Draw one permutation and use it for both.",
        severity="error",
        certain=True,
        place=second,
        others=(first,) if first.line != second.line else (),
        cause="Rows get the labels of other rows: there is nothing left to be learnt from them.",
        wrong=f"{one}, {other} = {one}[torch.randperm(n)], {other}[torch.randperm(n)]",
        right=f"perm = torch.randperm(n)\n{one}, {other} = {one}[perm], {other}[perm]",
    )
