"""Gradients of earlier steps are added to the new ones: `zero_grad` is missing.

What it detects

An optimizer step uses a gradient that contains one which an earlier step has already used: after that step nobody
cleared it, and the next backward pass added to it.

Why it hurts

The update follows the sum of all gradients since the beginning instead of the present one. Training becomes
unstable or slow, as with a momentum of 1 and a learning rate that grows from step to step.

Evidence

Exact. At each backward pass the memory and the version counter of every gradient are compared with those that the
last step left behind. Equal and not zero: the used gradient is added to.

Mend

Wrong:

    loss.backward()
    optimizer.step()

Right:

    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

When it keeps silent

Accumulation over several batches (those gradients have not been used yet); a GAN, where the generator's loss adds
to used gradients of the discriminator that are cleared before its own turn; gradients that are cleared or changed
by hand; closures of LBFGS.

Source

wenet-e2e/wekws#73, yastrebksv/TennisCourtDetector#7, pytorch/pytorch#47175.
"""

from __future__ import annotations

from luthier.checks.stepping import before, not_called, same_function, stepped_name, taken
from luthier.checks.wording import code, insert_after, insert_before, percent, replace
from luthier.findings import Edit, Finding, Place, Unknown
from luthier.watching.facts import Optimizer
from luthier.watching.steps import Step
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "T01", "gradients are never cleared", "quick", ()
MIN_STEPS = 2
"""So many steps with a used gradient: one alone may be the rest of a stage before."""


def judge(trace: Trace) -> list[Finding] | Unknown:
    """One finding an optimizer."""
    if len(trace.steps) < MIN_STEPS:
        return Unknown(code=CODE, title=TITLE, reason="fewer than two optimizer steps were seen", needs="more steps")
    found = []
    for number, optimizer in trace.optimizers.items():
        steps = taken(trace, number)
        reused = [s for s in steps if s.num_reused]
        if len(reused) >= MIN_STEPS:
            found.append(_finding(trace, optimizer, steps, reused))
    return found


def _finding(trace: Trace, optimizer: Optimizer, steps: list[Step], reused: list[Step]) -> Finding:
    first = reused[0]
    backward = before(trace.backwards, first.at)
    name = stepped_name(trace.sources, first.place) or optimizer.variable or "optimizer"
    uncalled = not_called(trace.sources, "zero_grad", name)
    mine = [z for z in trace.zero_grads if z.optimizer == optimizer.number]
    others = [z for z in trace.zero_grads if z.optimizer != optimizer.number and z.at < first.at]
    why = "zero_grad is named but not called" if uncalled else ""
    why = why or ("zero_grad is called less often than step" if mine else "zero_grad is never called")
    if not mine and not uncalled and others:
        why = "zero_grad is called on another optimizer or model"
    return Finding(
        code=CODE,
        title=TITLE,
        number=float(len(reused)),
        threshold=0.0,
        n=len(steps),
        text=f"{len(reused)} of {len(steps)} steps of {name} ({percent(len(reused) / len(steps))}) used gradients "
        f"with those of earlier steps still in them ({max(s.num_reused for s in reused)} tensors); {why}.",
        remedy=f"Call {name}.zero_grad() once for each step.",
        severity="error",
        certain=True,
        place=uncalled or (backward.place if backward and backward.place else first.place),
        others=tuple(p for p in (first.place,) if p),
        step=first.step,
        cause="backward() adds to the gradients that are there. Without clearing, each update follows the sum of all "
        "gradients so far.",
        wrong=code(f"""
            loss.backward()
            {name}.step()
        """),
        right=code(f"""
            {name}.zero_grad()
            loss.backward()
            {name}.step()
        """),
        edits=_edits(trace, name, uncalled, first, backward.place if backward else None),
        evidence={"optimizer": optimizer.name, "num_zero_grad": len(mine), "num_tensors": first.num_reused},
    )


def _edits(trace: Trace, name: str, uncalled: Place | None, step: Step, backward: Place | None) -> tuple[Edit, ...]:
    call = f"{name}.zero_grad()"
    if uncalled:
        return replace(trace.sources, uncalled, call)
    if stepped_name(trace.sources, step.place) != name:
        return ()
    if step.num_backwards <= 1 and same_function(step.place, backward):
        return insert_before(trace.sources, backward, call)
    return insert_after(
        trace.sources, step.place, call
    )  # several passes a step: cleared between them, they were lost
