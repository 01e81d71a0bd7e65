"""A metric takes softmax or argmax over the rows of the batch, not over the classes.

What it detects

softmax or argmax along axis 0 on an output (rows, classes) of a model, outside of the loss, in every evaluation call
at a line.

Why it hurts

Each row's numbers are compared with other rows'. What is counted as a prediction depends on which rows stand in the
batch, and the metric is wrong though the net may be right.

Evidence

Exact: the axis and the shape in each call.

Mend

Wrong:

    pred = model(x).softmax(0).argmax(1)

Right:

    pred = model(x).argmax(1)

When it keeps silent

Outputs of one axis; batches of one row; tensors that are not a model's output; softmax that a loss is trained on
(L14).

Source

PyTorch documentation of softmax and argmax: `dim` counts from 0, where the batch is.
"""

from __future__ import annotations

from luthier.checks.reading import by_line, shaped
from luthier.checks.wording import every
from luthier.findings import Finding, Unknown
from luthier.watching.calls import Op
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "E14", "over the batch, not over the classes", "quick", ("L14",)
NEEDS = "evaluation"
NAMES = ("softmax", "argmax")


def judge(trace: Trace) -> list[Finding] | Unknown:
    """Calls on a model's output that no backward pass went through, line by line."""
    outputs = {f.number: f.output.shape for f in trace.forwards if f.output and f.phase == "evaluation"}
    found = []
    for name in NAMES:
        for _, calls in by_line(o for o in trace.ops if o.name == name and not o.trained_by):
            if all(_over_rows(o, outputs) for o in calls) and any(o.source for o in calls):
                found.append(_finding(calls))
    return found


def _over_rows(op: Op, outputs: dict[int, tuple[int, ...]]) -> bool:
    shape = outputs.get(op.forward, ())
    known = op.source is None or op.source.is_model_output
    return (
        op.axis == 0
        and not op.implicit
        and len(op.shape) == 2
        and op.shape == shape
        and min(shape) > 1
        and known
        and not op.layer_class
    )


def _finding(calls: list[Op]) -> Finding:
    op = calls[0]
    return Finding(
        code=CODE,
        title=TITLE,
        number=0.0,
        n=len(calls),
        text=f"{op.name} along axis 0 of an output of shape {shaped(op.shape)} compares the rows of the batch with "
        f"each other in {every(len(calls), 'call')}.",
        remedy="Take the axis of the classes: dim=1, or dim=-1.",
        severity="error",
        certain=True,
        place=op.place,
        step=op.step,
        cause="The metric depends on which rows stand together in a batch.",
        wrong=f"pred = output.{op.name}(0)",
        right=f"pred = output.{op.name}(1)",
        evidence={"shape": list(op.shape)},
    )
