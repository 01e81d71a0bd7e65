"""Softmax shares probability among the rows of a batch instead of among the classes.

What it detects

Softmax or log-softmax along axis 0 of a (batch, classes) output whose result is what the model returns or what a loss
is given; also where no dim was given and torch chose the batch axis. Inside a model: along axis 0 of (batch, items,
...) scores, where the model is given (batch, items, ...) and returns one row of numbers for each row.

Why it hurts

Columns add up to 1, not rows: a prediction depends on its neighbours in the batch, and with B rows no probability
can exceed what the other rows leave.

Evidence

Exact: the axis, the shape, and that the result goes to the loss. Inside a model: the axis is as long as the model's
input and output have rows, in calls of at least two lengths.

Mend

Wrong:

    torch.softmax(logits, dim=0)

Right:

    torch.softmax(logits, dim=1)

When it keeps silent

Square matrices (contrastive losses compare rows with rows, both ways round); attention over the rows of a set that is
the whole input; time first, where the output has a number for each time.

Source

torch's own warning "Implicit dimension choice for softmax has been deprecated".
"""

from __future__ import annotations

from luthier.checks.patches import only_call, replace_node
from luthier.checks.reading import by_line, shaped
from luthier.checks.wording import plural
from luthier.findings import Edit, Finding, Unknown
from luthier.watching.calls import Forward, Op
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "L14", "softmax over the batch", "quick", ("L02",)
MIN_CALLS = 2


def judge(trace: Trace) -> list[Finding] | Unknown:
    """Softmax calls on the way to the loss, line by line."""
    forwards = {f.number: f for f in trace.forwards}
    found = []
    for _, calls in by_line(o for o in trace.ops if o.name in ("softmax", "log_softmax")):
        used = [o for o in calls if o.trained_by and o.sampled]
        wrong = [o for o in used if _is_over_rows(o, forwards) and (o.to_loss or o.is_model_output)]
        if len(wrong) >= MIN_CALLS and len(wrong) >= 0.9 * len(used):
            found.append(_finding(trace, wrong))
        elif len(used) >= MIN_CALLS and _is_inside(calls, forwards):
            found.append(_finding(trace, used))
    return found


def _is_over_rows(op: Op, forwards: dict[int, Forward]) -> bool:
    given = forwards[op.forward].input if op.forward in forwards else None
    if op.axis != 0 or len(op.shape) not in (2, 3, 4) or op.axis_size < 2 or given is None:
        return False
    return op.shape[:1] == given.shape[:1] and op.shape[0] != op.shape[1]


def _is_inside(calls: list[Op], forwards: dict[int, Forward]) -> bool:
    """Do scores of the items of each row compete with those of other rows, in batches of several lengths?"""
    lengths = set()
    for op in calls:
        call = forwards.get(op.forward)
        given, made = (call.input, call.output) if call else (None, None)
        if given is None or made is None or op.axis != 0 or len(op.shape) < 3 or not 1 <= len(made.shape) <= 2:
            return False
        if op.shape[:2] != given.shape[:2] or made.shape[0] != op.shape[0] or made.shape[1:] == op.shape[1:2]:
            return False
        lengths.add(op.shape[0])
    return len(lengths) > 1


def _finding(trace: Trace, calls: list[Op]) -> Finding:
    op = calls[0]
    how = "no dim was given and torch chose 0" if op.implicit else "dim=0"
    inside = len(op.shape) > 2
    what = "the items of a row" if inside else "the classes"
    return Finding(
        code=CODE,
        title=TITLE,
        number=0.0,
        threshold=1.0,
        n=len(calls),
        text=f"{op.name} works along the batch axis of shape {shaped(op.shape)} ({how}) in "
        f"{plural(len(calls), 'training call')}: the rows of a batch compete with each other, not {what}.",
        remedy="Give the axis of the items: dim=1."
        if inside
        else "Give the class axis: dim=1 (or dim=-1 where classes come last).",
        severity="error",
        certain=True,
        place=op.place,
        step=op.step,
        cause="A prediction depends on its neighbours in the batch, and what is in one row does not add up to 1.",
        wrong="torch.softmax(logits, dim=0)",
        right="torch.softmax(logits, dim=1)",
        edits=_edits(trace, op),
        evidence={"axis": 0, "implicit": op.implicit},
    )


def _edits(trace: Trace, op: Op) -> tuple[Edit, ...]:
    call = only_call(trace.sources, op.place, (op.name, "Softmax", "LogSoftmax"))
    if call is None or op.place is None or len(op.shape) != 2:
        return ()
    for keyword in call.keywords:
        if keyword.arg == "dim":
            return replace_node(trace.sources, op.place, keyword.value, "1")
    return ()
