"""Gradients are cleared before any step has used them.

What it detects

`zero_grad` clears gradients that a backward pass has just made and that no optimizer step has used: between
`backward` and `step`, for every micro-batch of an accumulation, because `step` stands outside the loop, or between
the passes of two losses of one call of the model, where the program reads no gradient.

Why it hurts

The work of those backward passes is lost. With accumulation over k batches only the last one counts, at 1/k of the
learning rate that was meant; between `backward` and `step` nothing is learned at all.

Evidence

Exact: for each backward pass, which of its gradients a step used and which were cleared before.

Mend

Wrong:

    for i, (x, y) in enumerate(loader):
        optimizer.zero_grad()
        (loss_fn(model(x), y) / 4).backward()
        if (i + 1) % 4 == 0:
            optimizer.step()

Right:

    for i, (x, y) in enumerate(loader):
        (loss_fn(model(x), y) / 4).backward()
        if (i + 1) % 4 == 0:
            optimizer.step()
            optimizer.zero_grad()

When it keeps silent

A GAN clears the gradients of the other net (the pass also made gradients that were used); a backward pass of its own
for saliency, adversarial inputs or importance, none of which is ever used; a rest of an accumulation at the end of an
epoch; steps that a GradScaler leaves out; parameters that no optimizer holds.

Source

bytetriper/RAE#67.
"""

from __future__ import annotations

import ast
import math

from luthier.checks.reading import by_line
from luthier.checks.stepping import is_empty, taken
from luthier.checks.wording import insert_after, move_before, parsed, percent, replace, statement
from luthier.findings import Edit, Finding, Place, Unknown
from luthier.watching.steps import Backward, Step
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "T02", "gradients are thrown away", "quick", ()
MIN_LOST = 3
MIN_SHARE = 0.45
"""Accumulation over k batches loses (k - 1) / k >= 1/2; the rest at the end of an epoch is a smaller share."""


def judge(trace: Trace) -> list[Finding] | Unknown:
    """One finding for each line with a backward pass."""
    if not trace.steps:
        return Unknown(code=CODE, title=TITLE, reason="no optimizer step was seen", needs="optimizer steps")
    found = []
    passes = [b for b in trace.backwards if b.num_deposited and not b.raised and not b.in_step]
    for _, group in by_line(passes):
        lost = [b for b in group if b.num_discarded and not b.num_used and not math.isinf(b.loss)]
        used = [b for b in group if b.num_used]
        if len(lost) < MIN_LOST or len(lost) < MIN_SHARE * (len(lost) + len(used)):
            continue
        steps = [s for number in {n for b in lost for n in b.optimizers} for s in taken(trace, number)]
        if used or _all_empty(steps) or _is_a_task(trace, lost, passes):
            found.append(_finding(trace, lost, len(lost) + len(used), steps))
    return found


def _all_empty(steps: list[Step]) -> bool:
    """The steps never found a gradient.

    A pass that feeds no step, beside others that do, is made for its own sake.
    """
    known = [empty for s in steps if (empty := is_empty(s)) is not None]
    return len(known) >= MIN_LOST and all(known)


def _is_a_task(trace: Trace, lost: list[Backward], passes: list[Backward]) -> bool:
    """Is this one of several losses of one call, cleared before the next one? Nobody reads its gradients."""
    optimizers = {number for b in lost for number in b.optimizers}
    shared = any(b.num_used and not b.forwards and optimizers & set(b.optimizers) for b in passes)
    cleared = all(b.discarded_place is not None and "zero_grad(" in b.discarded_place.text for b in lost)
    return shared and cleared and not any(_reads_gradients(source) for source in trace.sources.values())


def _reads_gradients(source: str) -> bool:
    return any(
        isinstance(n, ast.Attribute) and n.attr == "grad" and isinstance(n.ctx, ast.Load)
        for n in ast.walk(parsed(source))
    )


WRONG = {
    True: "loss.backward()\noptimizer.zero_grad()\noptimizer.step()",
    False: "optimizer.zero_grad()\n(loss / k).backward()\nif (i + 1) % k == 0:\n    optimizer.step()",
}
RIGHT = {
    True: "optimizer.zero_grad()\nloss.backward()\noptimizer.step()",
    False: "(loss / k).backward()\nif (i + 1) % k == 0:\n    optimizer.step()\n    optimizer.zero_grad()",
}
"""By whether every step found its gradients cleared."""


def _finding(trace: Trace, lost: list[Backward], num: int, steps: list[Step]) -> Finding:
    first = lost[0]
    after = next((s for s in steps if s.at > first.at), None)
    everything = len(lost) == num
    where = first.discarded_place or first.place
    return Finding(
        code=CODE,
        title=TITLE,
        number=len(lost) / num,
        threshold=MIN_SHARE,
        n=num,
        text=f"The gradients of {len(lost)} of {num} backward passes ({percent(len(lost) / num)}) were cleared "
        f"before any step used them{'; every step found none' if everything else ''}.",
        remedy="Clear the gradients after the step that used them, and step once for all that was accumulated.",
        severity="error",
        certain=True,
        place=where,
        others=tuple(p for p in (first.place, after.place if after else None) if p and p != where),
        step=first.step,
        cause="What a backward pass has computed and no step has used is lost.",
        wrong=WRONG[everything],
        right=RIGHT[everything],
        edits=_edits(trace, where, first.place, after.place if after else None, everything),
        evidence={"num_lost": len(lost), "num_steps": len(steps)},
    )


def _edits(
    trace: Trace, clearing: Place | None, backward: Place | None, step: Place | None, everything: bool
) -> tuple[Edit, ...]:
    zero, goal = statement(trace.sources, clearing), statement(trace.sources, step)
    if zero is None or goal is None or clearing is None or step is None or clearing.file != step.file:
        return ()
    if everything:
        return move_before(trace.sources, clearing, backward)
    if len(goal.indent) <= len(zero.indent) or goal.first < zero.first or zero.first != zero.last:
        return ()  # the step stands outside the loop: whether it should move is the person's to say
    call = trace.sources[clearing.file].splitlines()[zero.first - 1].strip()
    gone, put = replace(trace.sources, clearing), insert_after(trace.sources, step, call)
    return gone + put if gone and put else ()
