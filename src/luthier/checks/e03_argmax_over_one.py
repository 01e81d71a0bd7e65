"""argmax (or max) looks for the best of a single entry.

What it detects

`argmax` or `max` along an axis of size 1 on the output of a model, in every call at a line.

Why it hurts

The index of the largest of one number is always 0. Only class 0 is ever predicted; the accuracy is the share of
class 0, whatever the net has learnt.

Evidence

Exact: the size of the axis in each call.

Mend

Wrong:

    _, predicted = torch.max(outputs, 1)      # outputs: (batch, 1)

Right:

    predicted = (outputs > 0).long()          # raw outputs; for probabilities: > 0.5

When it keeps silent

Lines where the axis is longer in some calls (the best of a varying number of candidates); tensors that are not a
model's output.

Source

The mission article's sample (E02); a standard mistake of two-class nets with one output.
"""

from __future__ import annotations

import ast

from luthier.checks.patches import argument, only_call
from luthier.checks.reading import by_line, origin_place, shaped
from luthier.checks.wording import code, every, replace, statement
from luthier.findings import Edit, Finding, Unknown
from luthier.watching.calls import Op
from luthier.watching.facts import Origin
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "E03", "argmax over one entry", "quick", ()
NEEDS = "training"
MIN_CALLS = 2
FROM_MODEL = ("linear", "sigmoid", "softmax", "conv")


def judge(trace: Trace) -> list[Finding] | Unknown:
    """argmax and max calls, line by line."""
    found = []
    for _, calls in by_line(o for o in trace.ops if o.name in ("argmax", "max")):
        several_rows = any(len(o.shape) > 1 and max(o.shape[:-1]) > 1 for o in calls)
        known = [o.source for o in calls if o.source is not None]  # of calls that were looked at closely
        if (
            len(known) >= MIN_CALLS
            and several_rows
            and all(o.axis_size == 1 and o.axis is not None for o in calls)
            and all(_from_model(source) for source in known)
        ):
            found.append(_finding(trace, calls))
    return found


def _from_model(source: Origin) -> bool:
    return source.is_model_output or source.op in FROM_MODEL


def _finding(trace: Trace, calls: list[Op]) -> Finding:
    op = calls[0]
    probabilities = op.source is not None and op.source.op in ("sigmoid", "softmax")
    bound = "0.5" if probabilities else "0"
    return Finding(
        code=CODE,
        title=TITLE,
        number=1.0,
        threshold=2.0,
        n=len(calls),
        text=f"{op.name} along axis {op.axis} of an output of shape {shaped(op.shape)} has one entry to choose from "
        f"in {every(len(calls), 'call')}: the predicted class is always 0.",
        remedy=f"Compare the single output with a threshold: {bound} for "
        f"{'probabilities' if probabilities else 'raw outputs'}.",
        severity="error",
        certain=True,
        place=op.place,
        others=origin_place(op.source),
        step=op.step,
        cause="The metric is the share of class 0 in the data; it says nothing about the net.",
        wrong=code("""
            _, predicted = torch.max(outputs, 1)      # outputs: (batch, 1)
        """),
        right=f"predicted = (outputs.squeeze(1) > {bound}).long()",
        edits=_edits(trace, op, bound),
        evidence={"axis": op.axis, "shape": list(op.shape), "probabilities": probabilities},
    )


def _edits(trace: Trace, op: Op, bound: str) -> tuple[Edit, ...]:
    """Patched where the statement is one of the usual forms and the shape that it is compared with is known."""
    call = only_call(trace.sources, op.place, (op.name,))
    compared = {
        side
        for c in trace.comparisons
        if c.forward == op.forward and c.name in ("eq", "ne")
        for side in (c.left, c.right)
    }
    rows = op.shape[:1]
    if call is None or op.place is None or len(op.shape) != 2 or not compared:
        return ()
    column = (*rows, 1) in compared
    kept = argument(call)
    text = ast.get_source_segment(trace.sources[op.place.file], kept) if kept is not None else None
    found = statement(trace.sources, op.place)
    if not text or found is None or not isinstance(found.node, ast.Assign) or found.node.value is not call:
        return ()
    target = found.node.targets[0]
    if op.name == "max":
        if not (isinstance(target, ast.Tuple) and len(target.elts) == 2 and ast.unparse(target.elts[0]) == "_"):
            return ()
        target = target.elts[1]
    score = text.removesuffix(".data") if column else f"{text.removesuffix('.data')}.squeeze(1)"
    return replace(trace.sources, op.place, f"{ast.unparse(target)} = ({score} > {bound}).long()")
