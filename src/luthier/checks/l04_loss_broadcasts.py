"""Prediction and target have different shapes, and the loss compares every row with every other.

What it detects

`mse_loss`, `l1_loss`, `smooth_l1_loss` or `huber_loss` on shapes that are stretched against each other into a larger
one; and hand-written arithmetic of a prediction (B, 1) with a target (B,), on the way to the loss.

Why it hurts

(B, 1) with (B,) gives (B, B): each prediction is compared with the target of every row. The best that a net can do
then is to predict the mean for all rows. The loss falls, so nothing looks wrong.

Evidence

Exact: the shapes, in calls that a backward pass went through.

Mend

Wrong:

    loss = F.mse_loss(model(x), y)            # (B, 1) and (B,)

Right:

    loss = F.mse_loss(model(x).squeeze(1), y)

When it keeps silent

Pairwise losses that are meant (both sides come from the model, or a side was unsqueezed on purpose); a scalar or one
row stretched over the batch; arithmetic inside a model.

Source

torch's own warning "Using a target size that is different to the input size" (printed once, absent for hand-written
losses); IntelLabs/matsciml#347.
"""

from __future__ import annotations

from math import prod

from luthier.checks.patches import only_call, replace_node
from luthier.checks.reading import ELEMENTWISE, by_line, made_by, origin_place, shaped
from luthier.checks.wording import Sources, code, plural
from luthier.findings import Edit, Finding, Place, Unknown
from luthier.watching.calls import Broadcast, LossCall
from luthier.watching.facts import Origin, Shape
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "L04", "the loss broadcasts", "quick", ()
ON_PURPOSE = ("unsqueeze", "getitem", "__getitem__", "expand")


def judge(trace: Trace) -> list[Finding] | Unknown:
    """Loss functions first; a hand-written difference only where no loss function says it already."""
    found = []
    named = (c for c in trace.losses if c.name in ELEMENTWISE and c.broadcast and not c.raised)
    for _, calls in by_line(named):
        grown = [c for c in calls if c.input and c.target and _grows(c.input.shape, c.target.shape)]
        if grown:
            found.append(_by_function(trace.sources, grown))
    lines = {(f.place.file, f.place.line) for f in found if f.place}
    for place, stretched in by_line(b for b in trace.broadcasts if _is_mistake(b)):
        if place is None or (place.file, place.line) not in lines:
            found.append(_by_hand(stretched))
    return found[:1] + [f for f in found[1:] if f.place != found[0].place]


def _stretched(left: Shape, right: Shape) -> Shape:
    """The shape that both are stretched to."""
    length = max(len(left), len(right))
    one, other = (1,) * (length - len(left)) + left, (1,) * (length - len(right)) + right
    return tuple(max(a, b) for a, b in zip(one, other, strict=True))


def _grows(left: Shape, right: Shape) -> bool:
    return prod(_stretched(left, right)) > max(prod(left), prod(right))


def _is_column_and_row(left: Shape, right: Shape) -> bool:
    """(B, 1) and (B,), perhaps with equal axes before or after."""
    long, short = (left, right) if len(left) > len(right) else (right, left)
    return len(long) == len(short) + 1 and long[-1] == 1 and long[:-1] == short and short[-1] > 1


def _is_mistake(event: Broadcast) -> bool:
    if not event.trained_by or event.in_model or not _is_column_and_row(event.left, event.right):
        return False
    both = event.left_requires_grad and event.right_requires_grad
    return not both and not _on_purpose(event.left_source) and not _on_purpose(event.right_source)


def _on_purpose(source: Origin | None) -> bool:
    return source is not None and any(step in ON_PURPOSE for step in source.via)


def _by_function(sources: Sources, calls: list[LossCall]) -> Finding:
    call = calls[0]
    left, right = (call.input.shape if call.input else ()), (call.target.shape if call.target else ())
    result = _stretched(left, right)
    is_trained = any(c.trained_by for c in calls)
    return _finding(
        n=len(calls),
        text=f"{call.name} compares predictions of shape {shaped(left)} with targets of shape {shaped(right)} in "
        f"{plural(len(calls), 'call')}: both are stretched to {shaped(result)}, every row with every other.",
        severity="error" if is_trained else "warning",
        place=call.place,
        others=origin_place(call.source),
        step=call.step,
        edits=_squeeze(sources, call.place, call.name, left, right),
        evidence={"prediction": list(left), "target": list(right), "compared": prod(result), "loss": call.name},
    )


def _by_hand(events: list[Broadcast]) -> Finding:
    event = events[0]
    model = event.left_source if event.left_requires_grad else event.right_source
    return _finding(
        n=len(events),
        text=f"a hand-written loss ({event.name}) puts shapes {shaped(event.left)} and {shaped(event.right)} "
        f"together: they are stretched to {shaped(event.result)}, every row with every other ({made_by(model)}).",
        severity="error",
        place=event.place,
        others=origin_place(model),
        step=event.step,
        edits=(),
        evidence={"left": list(event.left), "right": list(event.right), "compared": prod(event.result)},
    )


def _finding(
    *,
    n: int,
    text: str,
    severity: str,
    place: Place | None,
    others: tuple[Place, ...],
    step: int,
    edits: tuple[Edit, ...],
    evidence: dict[str, float | int | str | bool | list[float | int | str] | None],
) -> Finding:
    return Finding(
        code=CODE,
        title=TITLE,
        n=n,
        text=text,
        remedy="Bring both to one shape: squeeze the output (`.squeeze(1)`) or unsqueeze the target "
        "(`.unsqueeze(1)`).",
        severity="error" if severity == "error" else "warning",
        certain=True,
        place=place,
        others=others,
        step=step,
        cause="Each prediction is compared with the targets of all rows, so the net learns the mean of the targets.",
        wrong="loss = F.mse_loss(model(x), y)              # (B, 1) and (B,)",
        right=code("""
            loss = F.mse_loss(model(x).squeeze(1), y)   # (B,) and (B,)
        """),
        edits=edits,
        evidence=evidence,
    )


def _squeeze(sources: Sources, place: Place | None, name: str, left: Shape, right: Shape) -> tuple[Edit, ...]:
    """The argument of shape (B, 1) is squeezed where the loss function is called by its own name."""
    if place is None or not _is_column_and_row(left, right):
        return ()
    kinds = {"mse_loss": "MSELoss", "l1_loss": "L1Loss", "smooth_l1_loss": "SmoothL1Loss", "huber_loss": "HuberLoss"}
    call = only_call(sources, place, (name, "criterion", "loss_fn", "loss_function", kinds[name]))
    if call is None or len(call.args) < 2:
        return ()
    column = call.args[0] if len(left) > len(right) else call.args[1]
    import ast

    text = ast.get_source_segment(sources[place.file], column)
    simple = isinstance(column, ast.Name | ast.Call | ast.Attribute | ast.Subscript)
    return replace_node(sources, place, column, f"{text}.squeeze(-1)") if text and simple else ()
