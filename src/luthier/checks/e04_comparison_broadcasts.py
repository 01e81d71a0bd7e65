"""A metric compares every prediction with every label.

What it detects

`==` or `!=` of shapes (B, 1) and (B,) where the model gives one number a row: the result is (B, B).

Why it hurts

B x B comparisons are counted as if they were B: an "accuracy" of several thousand percent, or, as a mean, a number
near chance that no training can move.

Evidence

Exact: the shapes of the comparison and of the model's output.

Mend

Wrong:

    correct += (predicted == y).sum()         # (B,) and (B, 1)

Right:

    correct += (predicted == y.squeeze(1)).sum()

When it keeps silent

Both sides are made from the same tensor (which rows share a label), both were unsqueezed on purpose, or the model's
output is no single number a row (contrastive losses).

Source

The mission article's sample (E03): 29,696 "correct" of 256.
"""

from __future__ import annotations

import ast

from luthier.checks.patches import replace_node
from luthier.checks.reading import by_line, shaped
from luthier.checks.wording import Sources, code, plural, statement
from luthier.findings import Edit, Finding, Place, Unknown
from luthier.watching.calls import Comparison, Forward
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "E04", "a comparison broadcasts", "quick", ()
NEEDS = "training"
MIN_CALLS = 2


def judge(trace: Trace) -> list[Finding] | Unknown:
    """Comparisons of a column with a row, line by line."""
    outputs = {f.number: f for f in trace.forwards}
    stretched = (c for c in trace.comparisons if c.broadcast and c.name in ("eq", "ne", "__eq__", "__ne__"))
    found = []
    for place, calls in by_line(c for c in stretched if _is_mistake(c, outputs.get(c.forward))):
        if len(calls) >= MIN_CALLS and not _same_on_both_sides(trace.sources, place):
            found.append(_finding(trace.sources, calls))
    return found


def _is_mistake(event: Comparison, call: Forward | None) -> bool:
    long, short = sorted((event.left, event.right), key=len, reverse=True)
    if len(long) != len(short) + 1 or long[-1] != 1 or long[:-1] != short or not short or short[-1] < 2:
        return False
    return call is not None and call.output is not None and call.output.shape in (long, short)


def _comparison(sources: Sources, place: Place | None) -> tuple[ast.expr, ast.expr] | None:
    """The two sides of the only comparison in the statement."""
    found = statement(sources, place)
    if found is None:
        return None
    sides: list[tuple[ast.expr, ast.expr]] = []
    for node in ast.walk(found.node):
        if isinstance(node, ast.Compare) and len(node.ops) == 1 and isinstance(node.ops[0], ast.Eq | ast.NotEq):
            sides.append((node.left, node.comparators[0]))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("eq", "ne"):
            sides += [(node.func.value, node.args[0])] if node.args else []
    return sides[0] if len(sides) == 1 else None


def _same_on_both_sides(sources: Sources, place: Place | None) -> bool:
    sides = _comparison(sources, place)
    if sides is None:
        return False
    left, right = (
        {n.id for n in ast.walk(side) if isinstance(n, ast.Name)} - {"torch", "self", "F"} for side in sides
    )
    return bool(left & right)


def _finding(sources: Sources, calls: list[Comparison]) -> Finding:
    event = calls[0]
    rows = min(event.left, event.right, key=len)[-1]
    return Finding(
        code=CODE,
        title=TITLE,
        number=float(rows * rows),
        threshold=float(rows),
        n=len(calls),
        text=f"shapes {shaped(event.left)} and {shaped(event.right)} are compared in {plural(len(calls), 'call')}: "
        f"the result is {shaped(event.result)}, {rows * rows} comparisons for {rows} rows.",
        remedy="Bring predictions and labels to one shape before they are compared (`.squeeze(1)`).",
        severity="error",
        certain=True,
        place=event.place,
        step=event.step,
        cause="Every prediction is compared with every label, so the metric can exceed 100 % or hardly moves.",
        wrong=code("""
            correct += (predicted == y).sum()             # (B,) and (B, 1)
        """),
        right="correct += (predicted == y.squeeze(1)).sum()   # (B,) and (B,)",
        edits=_edits(sources, event),
        evidence={"left": list(event.left), "right": list(event.right), "rows": rows},
    )


def _edits(sources: Sources, event: Comparison) -> tuple[Edit, ...]:
    sides = _comparison(sources, event.place)
    if sides is None or event.place is None:
        return ()
    column = sides[0] if len(event.left) > len(event.right) else sides[1]
    text = ast.get_source_segment(sources[event.place.file], column)
    if not text:
        return ()
    simple = isinstance(column, ast.Name | ast.Call | ast.Attribute | ast.Subscript)
    return replace_node(sources, event.place, column, f"{text if simple else f'({text})'}.squeeze(-1)")
