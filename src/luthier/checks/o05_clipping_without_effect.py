"""Gradients are clipped where it does nothing.

What it detects

`clip_grad_norm_` or `clip_grad_value_` that never meets a gradient which a step will use: it is called before
`backward`, when the gradients are not there yet, or after `step`, when they have been used.

Why it hurts

Nothing is clipped. The steps that the clipping was meant to tame are taken at full length.

Evidence

Exact: whether each gradient that a call was given has been used by a step already, in every call of the line.

Mend

Wrong:

    clip_grad_norm_(model.parameters(), 1.0)
    loss.backward()
    optimizer.step()

Right:

    loss.backward()
    clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()

When it keeps silent

An infinite bound, which only asks for the norm; calls that meet an unused gradient at least once.

Source

simchowitzlabpublic/nano-world-model#22, awslabs/graphstorm#1366.
"""

from __future__ import annotations

import math

from luthier.checks.reading import by_line, num
from luthier.checks.wording import code, every, move_before
from luthier.findings import Finding, Place, Unknown
from luthier.watching.steps import Clip
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "O05", "clipping that has no effect", "quick", ("T02", "T03")
MIN_CALLS = 2


def judge(trace: Trace) -> list[Finding] | Unknown:
    """One finding a line."""
    found, short = [], False
    for place, calls in by_line(trace.clips):
        if not all(math.isfinite(c.max_norm) for c in calls) or any(c.num_fresh for c in calls):
            continue
        if len(calls) < MIN_CALLS or len(trace.steps) < MIN_CALLS:
            short = True
        else:
            found.append(_finding(trace, place, calls))
    if not found and short:
        return Unknown(code=CODE, title=TITLE, reason="fewer than two calls were seen", needs="more steps")
    return found


def _finding(trace: Trace, place: Place | None, calls: list[Clip]) -> Finding:
    used = calls[-1].num_consumed > 0
    step = next((s.place for s in trace.steps if s.at > calls[0].at and s.place), None)
    state = "had been used by the step before it" if used else "were not there yet"
    name = calls[0].name
    return Finding(
        code=CODE,
        title=TITLE,
        number=0.0,
        threshold=1.0,
        n=len(calls),
        text=f"In {every(len(calls), 'call')} of {name}({num(calls[0].max_norm)}) the gradients {state}: "
        "nothing was clipped.",
        remedy="Clip between backward() and step().",
        severity="error",
        certain=True,
        place=place,
        others=(step,) if step else (),
        step=calls[0].step,
        cause="Only a gradient that a step will use is worth clipping.",
        wrong=code(f"""
            {name}(model.parameters(), 1.0)
            loss.backward()
            optimizer.step()
        """),
        right=code(f"""
            loss.backward()
            {name}(model.parameters(), 1.0)
            optimizer.step()
        """),
        edits=move_before(trace.sources, place, step),
        evidence={"num_consumed": calls[-1].num_consumed, "num_none": calls[-1].num_none},
    )
