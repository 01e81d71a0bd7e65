"""view or reshape is used to change the order of axes.

What it detects

In the person's own code, in the first steps:

- a view whose shape is that of the tensor in another order, such as (B, H, W, C) as (B, C, H, W);
- the last state of a recurrent net, (layers, B, H), viewed as (B, layers * H);
- axes (B, T) that were made one, and are taken apart as (T, B) in the same function.

Why it hurts

view keeps the numbers where they lie and counts them anew: nothing is moved. Pixels, steps and rows are mixed, a row
of the result holds numbers of several rows.

Evidence

Exact: the shapes before and after.

Mend

Wrong:

    x = images.view(-1, 3, 32, 32)            # images: (B, 32, 32, 3)
    h = h.view(B, -1)                         # h: (2, B, H)

Right:

    x = images.permute(0, 3, 1, 2)
    h = torch.cat([h[0], h[1]], dim=1)

When it keeps silent

Axes of size 1; views that join or part neighbouring axes; the framework's own code.

Source

PyTorch documentation of Tensor.view and permute; github.com/vitrioil/Speech-Separation/issues/4.
"""

from __future__ import annotations

from luthier.checks.reading import by_line, shaped
from luthier.checks.wording import plural
from luthier.findings import Finding, Unknown
from luthier.watching.calls import Reshape
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "M22", "axes put in order by view", "quick", ()
MIN_CALLS = 2


def judge(trace: Trace) -> list[Finding] | Unknown:
    """Views of the first steps, line by line."""
    found = []
    for parts in (True, False):
        for _, calls in by_line(r for r in trace.reshapes if (len(r.before) < len(r.after)) is parts):
            text = _parted(calls, trace) if parts else _reordered(calls) or _state_mixed(calls)
            if text and len(calls) >= MIN_CALLS:
                found.append(_finding(calls, text))
    return found


def _reordered(calls: list[Reshape]) -> str:
    if not all(_is_reordered(c.before, c.after) for c in calls):
        return ""
    return (
        f"a tensor of shape {shaped(calls[0].before)} is viewed as {shaped(calls[0].after)}: the axes are the same "
    )


def _is_reordered(before: tuple[int, ...], after: tuple[int, ...]) -> bool:
    one, other = [s for s in before if s > 1], [s for s in after if s > 1]
    return len(before) == len(after) > 2 and one != other and sorted(one) == sorted(other)


def _state_mixed(calls: list[Reshape]) -> str:
    for c in calls:
        mixed = len(c.before) == 3 and c.before[0] > 1 and c.before[1] > 1 and c.before[0] != c.before[1]
        if not (c.state and mixed and c.after == (c.before[1], c.before[0] * c.before[2])):
            return ""
    before, after = calls[0].before, calls[0].after
    return f"the last state of shape {shaped(before)} is viewed as {shaped(after)}: a row holds the layers of others "


def _parted(calls: list[Reshape], trace: Trace) -> str:
    """Axes that were made one as (a, b) and are taken apart as (b, a), never as (a, b), in one function."""
    call = calls[0]
    if len(call.before) != 2 or len(call.after) != 3 or call.place is None:
        return ""
    here = [r for r in trace.reshapes if r.place and (r.place.file, r.place.function) == _function(call)]
    joined = {r.before[:2] for r in here if len(r.before) == 3 and r.after[:1] == (r.before[0] * r.before[1],)}
    a, b = call.after[:2]
    if a == b or 1 in (a, b) or (b, a) not in joined or (a, b) in joined or call.before[0] != a * b:
        return ""
    if any(c.after[:2] != (a, b) for c in calls if c.before == call.before):
        return ""
    return f"axes of {b} and {a} that were joined in this function are parted as {shaped(call.after)}: the other way "


def _function(call: Reshape) -> tuple[str, str]:
    return (call.place.file, call.place.function) if call.place else ("", "")


def _finding(calls: list[Reshape], text: str) -> Finding:
    call = calls[0]
    return Finding(
        code=CODE,
        title=TITLE,
        n=len(calls),
        text=f"{text}in another order, the numbers stay where they were ({plural(len(calls), 'call')}).",
        remedy="Change the order of axes with permute or transpose.",
        severity="error",
        certain=True,
        place=call.place,
        step=call.step,
        cause="view does not move numbers, it counts them anew: those of different rows and places are mixed.",
        wrong=f"x = x.view{call.after}",
        right="x = x.permute(...)      # the axes in their new order",
        evidence={"before": list(call.before), "after": list(call.after)},
    )
