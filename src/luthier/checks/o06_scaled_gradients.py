"""Gradients are used while they still carry the scale of the loss.

What it detects

With a `GradScaler`: clipping before `unscale_`, `optimizer.step()` instead of `scaler.step(optimizer)`, or `backward`
on the loss itself where `scaler.scale(loss)` was called, so that the scaler divides gradients that were never
multiplied.

Why it hurts

Scaled gradients are thousands of times too large. A bound of 1 then clips every step to almost nothing; a step that
uses them as they are goes thousands of times too far.

Evidence

Exact: the order of the scaler's calls, clipping and steps, and the scale.

Mend

Wrong:

    scaler.scale(loss).backward()
    clip_grad_norm_(model.parameters(), 1.0)
    scaler.step(optimizer)

Right:

    scaler.scale(loss).backward()
    scaler.unscale_(optimizer)
    clip_grad_norm_(model.parameters(), 1.0)
    scaler.step(optimizer)

When it keeps silent

A scaler that is switched off or whose scale is 1; an infinite bound.

Source

PyTorch's documentation "Automatic Mixed Precision examples" (working with unscaled gradients).
"""

from __future__ import annotations

import math

from luthier.checks.reading import by_line, num
from luthier.checks.stepping import stepped_name
from luthier.checks.wording import code, insert_before, owner, percent, plural, replace
from luthier.findings import Edit, Finding, Place, Unknown
from luthier.watching.steps import Backward, Clip, Step
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "O06", "scaled gradients are used as they are", "quick", ()
MIN_PASSES = 3


def judge(trace: Trace) -> list[Finding] | Unknown:
    """One finding a line that clips, one a line that steps."""
    scales = [c.scale for c in trace.scaler_calls if c.call == "scale"]
    if not scales or all(s == 1.0 for s in scales):
        return []
    known = [s for s in scales if math.isfinite(s)]
    scale = known[0] if known else math.nan
    found = [
        _clipped(trace, place, calls, scale)
        for place, calls in by_line(c for c in trace.clips if math.isfinite(c.max_norm))
        if all(c.scaled and c.num_fresh for c in calls)
    ]
    found += [
        _stepped(trace, place, steps, scale)
        for place, steps in by_line(
            s for s in trace.steps if s.scaled and not s.skipped and s.num_none < s.num_parameters
        )
    ]
    passes = [b for b in trace.backwards if b.call != "autograd.grad" and b.past_scaler and b.num_used]
    if any(c.call == "step" for c in trace.scaler_calls):
        found += [_past(place, group, scale) for place, group in by_line(passes) if len(group) >= MIN_PASSES]
    return found


def _past(place: Place | None, passes: list[Backward], scale: float) -> Finding:
    return Finding(
        code=CODE,
        title="the loss was not scaled",
        number=scale,
        threshold=1.0,
        n=len(passes),
        text=f"{plural(len(passes), 'backward pass')} began at the loss itself, not at what scaler.scale returned, "
        f"and scaler.step divides the gradients by {num(scale)}.",
        remedy="Call backward on the scaled loss: scaler.scale(loss).backward().",
        severity="error",
        certain=True,
        place=place,
        step=passes[0].step,
        cause="The gradients were never multiplied; divided by the scale they are next to nothing.",
        wrong=code("scaler.scale(loss)\nloss.backward()"),
        right="scaler.scale(loss).backward()",
        evidence={"scale": scale},
    )


def _clipped(trace: Trace, place: Place | None, calls: list[Clip], scale: float) -> Finding:
    met = sum(c.norm > c.max_norm for c in calls)
    norms = [c.norm for c in calls if math.isfinite(c.norm)]
    size = f" (first norm {num(norms[0])})" if norms else ""
    return Finding(
        code=CODE,
        title=TITLE,
        number=scale,
        threshold=1.0,
        n=len(calls),
        text=f"Gradients were clipped to {num(calls[0].max_norm)} in {plural(len(calls), 'call')} while they were "
        f"still multiplied by the loss scale, {num(scale)}{size}: {percent(met / len(calls))} of the steps were cut.",
        remedy="Call scaler.unscale_(optimizer) before clipping.",
        severity="error",
        certain=True,
        place=place,
        step=calls[0].step,
        cause="The bound is meant for gradients as they are. Against scaled ones it cuts every step to a fraction of "
        "it.",
        wrong=code("clip_grad_norm_(model.parameters(), 1.0)\nscaler.step(optimizer)"),
        right=code("scaler.unscale_(optimizer)\nclip_grad_norm_(model.parameters(), 1.0)\nscaler.step(optimizer)"),
        edits=_unscale(trace, place),
        evidence={"scale": scale, "max_norm": calls[0].max_norm},
    )


def _stepped(trace: Trace, place: Place | None, steps: list[Step], scale: float) -> Finding:
    name = stepped_name(trace.sources, place) or "optimizer"
    scaler = _scaler(trace)
    return Finding(
        code=CODE,
        title=TITLE,
        number=scale,
        threshold=1.0,
        n=len(steps),
        text=f"{name} took {plural(len(steps), 'step')} with gradients still multiplied by the loss scale, "
        f"{num(scale)}.",
        remedy=f"Call {scaler or 'scaler'}.step({name}) instead of {name}.step().",
        severity="error",
        certain=True,
        place=place,
        step=steps[0].step,
        cause="scaler.step divides the gradients by the scale before the optimizer uses them; optimizer.step does "
        "not.",
        wrong=code("scaler.scale(loss).backward()\noptimizer.step()\nscaler.update()"),
        right=code("scaler.scale(loss).backward()\nscaler.step(optimizer)\nscaler.update()"),
        edits=replace(trace.sources, place, f"{scaler}.step({name})")
        if scaler and place and place.text == f"{name}.step()"
        else (),
        evidence={"scale": scale},
    )


def _scaler(trace: Trace) -> str:
    """The person's name for the scaler."""
    names = {owner(trace.sources, c.place, "scale") for c in trace.scaler_calls if c.call == "scale"}
    return names.pop() if len(names) == 1 else ""


def _unscale(trace: Trace, place: Place | None) -> tuple[Edit, ...]:
    scaler = _scaler(trace)
    names = {stepped_name(trace.sources, c.place) for c in trace.scaler_calls if c.call == "step"}
    if not scaler or len(names) != 1 or "" in names:
        return ()
    return insert_before(trace.sources, place, f"{scaler}.unscale_({names.pop()})")
