"""No gradient reaches the optimizer: its steps change nothing.

What it detects

Every step of an optimizer that was looked at found gradients that are all missing or all exactly zero.

Why it hurts

Nothing is learned, and nothing says so: the loss is computed, `step` is called, the weights stay.

Evidence

Exact: missing gradients are counted at every step, zeros at every sampled one; at least three steps. The operation
that made the loss is named where it cut the graph.

Mend

Wrong:

    loss = torch.tensor(loss_fn(model(x), y).item(), requires_grad=True)
    loss.backward()

Right:

    loss = loss_fn(model(x), y)
    loss.backward()

Between the model's output and the loss there may be no `.item()`, `.detach()`, `.data`, `.numpy()`,
`torch.tensor(...)`, `argmax`, `round`, `sign` or comparison.

When it keeps silent

An optimizer that has gradients in some of its steps (turns of a GAN, alternating tasks); a loss that is exactly zero
(nothing is left to learn).

Source

huggingface/accelerate#2665; the commonest question of beginners in PyTorch's forum.
"""

from __future__ import annotations

from luthier.checks.stepping import before, is_empty, names_of, not_called, taken
from luthier.checks.wording import code, every, few, plural, replace
from luthier.findings import Finding, Place, Unknown
from luthier.watching.facts import Optimizer
from luthier.watching.steps import Backward, Step
from luthier.watching.trace import Trace

CODE, TITLE, TIER = "T03", "no gradient reaches the optimizer", "quick"
CAUSES = ("M26", "O01", "T02", "T06", "L02", "M03", "M08", "L05", "D11", "M07", "E03")
MIN_STEPS = 3
CUTS = ("detach", "leaf", "input")


def judge(trace: Trace) -> list[Finding] | Unknown:
    """One finding an optimizer."""
    found: list[Finding] = []
    few_steps = False
    for number, optimizer in trace.optimizers.items():
        known = [s for s in taken(trace, number) if is_empty(s) is not None]
        few_steps |= bool(known) and len(known) < MIN_STEPS
        if len(known) < MIN_STEPS or not all(is_empty(s) for s in known):
            continue
        passes = [b for b in trace.backwards if not b.raised]
        if passes and all(b.loss == 0.0 for b in passes):
            continue
        found.append(_finding(trace, optimizer, known, passes))
    if not found and few_steps:
        return Unknown(code=CODE, title=TITLE, reason="fewer than three steps of an optimizer were seen")
    return found


def _finding(trace: Trace, optimizer: Optimizer, steps: list[Step], passes: list[Backward]) -> Finding:
    last = before(passes, steps[-1].at)
    missing = all(s.num_none == s.num_parameters for s in steps)
    state = "missing" if missing else "exactly zero"
    why, others = _why(passes, last, missing)
    uncalled = not_called(trace.sources, "backward") if not passes else None
    place = uncalled or (last.place if last and last.place else steps[0].place)
    held = [n for g in optimizer.groups for n in g.parameters]
    return Finding(
        code=CODE,
        title=TITLE,
        number=0.0,
        threshold=0.0,
        n=len(steps),
        text=f"In {every(len(steps), 'step')} of {optimizer.name} that were looked at the gradients of its "
        f"{plural(steps[0].num_parameters, 'parameter')} ({few(names_of(trace, held))}) were {state}: {why}.",
        remedy="Compute the loss from the model's output by differentiable operations only, and call backward() on "
        "it."
        if passes
        else "Call loss.backward() before the step.",
        severity="error",
        certain=True,
        place=place,
        others=tuple(p for p in (*others, steps[0].place, optimizer.place) if p and p != place),
        step=steps[0].step,
        cause="An optimizer moves a parameter by its gradient; without one its step does nothing.",
        wrong=code("loss = torch.tensor(loss_fn(model(x), y).item(), requires_grad=True)\nloss.backward()")
        if passes
        else code("loss = loss_fn(model(x), y)\noptimizer.step()"),
        right=code("loss = loss_fn(model(x), y)\nloss.backward()")
        if passes
        else code("loss = loss_fn(model(x), y)\nloss.backward()\noptimizer.step()"),
        edits=replace(trace.sources, uncalled, f"{uncalled.text}()") if uncalled else (),
        evidence={"optimizer": optimizer.name, "missing": missing, "num_backward": len(passes)},
    )


def _why(passes: list[Backward], last: Backward | None, missing: bool) -> tuple[str, tuple[Place, ...]]:
    if not passes:
        return "backward() is never called", ()
    source = last.source if last else None
    if not missing:
        return "the loss does not change when they change (a step, rounding, clamp or argmax, or dead units)", ()
    if source is not None and (source.op in CUTS or "detach" in source.via):
        return "the loss was cut off from the model (detach, .item(), torch.tensor ...)", (
            (source.place,) if source.place else ()
        )
    if last is not None and not last.forwards:
        return "the backward pass goes through no model that was called", ()
    return "the backward pass does not go through them", ()
