"""The loss covers the rows that are kept for the test.

What it detects

A model that is given all rows in every call (a graph net, say) and is trained by a loss on every row of its output,
while its predictions are looked up by an index of test or validation rows, as in `pred[test_mask]`.

Why it hurts

The held-out rows were trained on, with their labels. Their score is one of training.

Evidence

Exact: shapes of the loss and of the output, hashes of the rows; and the names in the person's source.

Mend

Wrong:

    loss = F.cross_entropy(model(x, adj), y)

Right:

    loss = F.cross_entropy(model(x, adj)[train_mask], y[train_mask])

When it keeps silent

Losses on part of the rows; models that are given other rows when they are evaluated; no index with a name of test or
validation.

Source

Kipf and Welling 2017, arXiv 1609.02907, equation 10 (the loss runs over labelled nodes).
"""

from __future__ import annotations

import ast
import re

from luthier.checks.reading import by_line
from luthier.checks.wording import line_at, parsed, plural
from luthier.findings import Finding, Place, Unknown
from luthier.watching.calls import LossCall
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "E15", "the loss covers the test rows", "quick", ()
MIN_CALLS, MIN_ROWS = 3, 16
HELD_OUT = re.compile(r"(?:^|[_.])(?:test|val|valid|validation|te|va)(?:$|[_.])")


def judge(trace: Trace) -> list[Finding] | Unknown:
    """Losses on whole outputs, line by line."""
    forwards = {f.number: f for f in trace.forwards}
    found = []
    for _, calls in by_line(c for c in trace.losses if c.trained_by and c.input and c.target):
        own = [forwards[c.forward] for c in calls if c.forward in forwards]
        same = {f.rows for f in own if f.rows}
        whole = all(
            f.output and c.input and f.output.shape == c.input.shape for f, c in zip(own, calls, strict=False)
        )
        if len(own) != len(calls) or len(calls) < MIN_CALLS or not whole or len(same) != 1:
            continue
        rows = next(iter(same))
        judged = [f for f in trace.forwards if f.model == own[0].model and f.phase == "evaluation" and f.rows == rows]
        index = _held_out_index(trace)
        if len(rows) >= MIN_ROWS and judged and index is not None:
            found.append(_finding(calls, len(rows), index))
    return found


def _held_out_index(trace: Trace) -> tuple[Place, str] | None:
    """Where something is looked up by test or validation rows: the line, and the name of the index."""
    for file, source in trace.sources.items():
        for node in ast.walk(parsed(source)):
            for name, line in _indices(node):
                if HELD_OUT.search(name.lower()):
                    return line_at(trace.sources, file, line), name
    return None


def _indices(node: ast.AST) -> list[tuple[str, int]]:
    """Names that a prediction or an output is indexed with, also where a loop goes through several of them."""
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
        return [(ast.unparse(node.slice), node.lineno)] if isinstance(node.slice, ast.Name | ast.Attribute) else []
    if isinstance(node, ast.ListComp | ast.GeneratorExp | ast.For):
        for loop in node.generators if not isinstance(node, ast.For) else [node]:
            used = {ast.unparse(n.slice) for n in ast.walk(node) if isinstance(n, ast.Subscript)}
            if isinstance(loop.target, ast.Name) and loop.target.id in used and isinstance(loop.iter, ast.Tuple):
                return [(ast.unparse(e), loop.iter.lineno) for e in loop.iter.elts]
    return []


def _finding(calls: list[LossCall], rows: int, index: tuple[Place, str]) -> Finding:
    call = calls[0]
    place, name = index
    return Finding(
        code=CODE,
        title=TITLE,
        number=float(rows),
        n=len(calls),
        text=f"{call.name} covers all {rows} rows of the model's output in {plural(len(calls), 'training call')}, "
        f"those of `{name}` (line {place.line}) among them; the same rows are evaluated.",
        remedy="Compute the loss on the training rows of the output only.",
        severity="error",
        certain=True,
        place=call.place,
        others=(place,),
        step=call.step,
        cause="The labels of the held-out rows were trained on; their score is one of training.",
        wrong="loss = F.cross_entropy(model(x, adj), y)",
        right="loss = F.cross_entropy(model(x, adj)[train_mask], y[train_mask])",
        evidence={"rows": rows, "index": name},
    )
