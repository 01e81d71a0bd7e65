"""The optimizer never steps.

What it detects

Gradients for the parameters of an optimizer, in ten backward passes or more, none of which is ever used by a step of
this or another optimizer.

Why it hurts

Nothing is trained. The loss only varies with the batches.

Evidence

Exact: the gradients that the backward passes left behind, and that no step was taken. The loss does not fall, so the
weights are not changed by hand either.

Mend

Wrong:

    loss.backward()

Right:

    loss.backward()
    optimizer.step()

When it keeps silent

Programs without an optimizer (updates by hand); a loss that falls; an optimizer that gets no gradients; accumulation
over many batches, as long as the gradients are kept and the program was stopped early.

Source

PyTorch's tutorial of the training loop; a mistake of beginners in every forum.
"""

from __future__ import annotations

from luthier.checks.reading import learning
from luthier.checks.stepping import not_called
from luthier.checks.wording import code, insert_after, plural, replace
from luthier.findings import Edit, Finding, Place, Unknown
from luthier.watching.facts import Optimizer
from luthier.watching.steps import Backward
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "T17", "the optimizer never steps", "quick", ()
MIN_PASSES = 10


def judge(trace: Trace) -> list[Finding] | Unknown:
    """One finding an optimizer."""
    found, short = [], False
    for number, optimizer in trace.optimizers.items():
        passes = [b for b in trace.backwards if number in b.optimizers and not b.raised and not b.in_step]
        skipped = any(s.optimizer == number for s in trace.steps)
        if optimizer.num_steps or skipped or any(b.num_used for b in passes) or not passes:
            continue
        if len(passes) < MIN_PASSES:
            short = True
        elif learning(trace) is not True and (not trace.stopped or any(b.num_discarded for b in passes)):
            found.append(_finding(trace, optimizer, passes))
    if not found and short:
        return Unknown(
            code=CODE, title=TITLE, reason="an optimizer took no step so far", needs=f"{MIN_PASSES} backward passes"
        )
    return found


def _finding(trace: Trace, optimizer: Optimizer, passes: list[Backward]) -> Finding:
    name = optimizer.variable or "optimizer"
    uncalled = not_called(trace.sources, "step", name)
    place = uncalled or passes[0].place
    return Finding(
        code=CODE,
        title=TITLE,
        number=0.0,
        threshold=1.0,
        n=len(passes),
        text=f"{plural(len(passes), 'backward pass')} left gradients for {name}, and it never took a step"
        f"{': step is named but not called' if uncalled else ''}.",
        remedy=f"Call {name}.step() after backward().",
        severity="error",
        certain=True,
        place=place,
        others=tuple(p for p in (optimizer.place,) if p),
        step=0,
        cause="backward() computes gradients; only step() moves the weights.",
        wrong=code(f"{name}.zero_grad()\nloss.backward()"),
        right=code(f"{name}.zero_grad()\nloss.backward()\n{name}.step()"),
        edits=_edits(trace, optimizer, name, uncalled, passes),
        evidence={"optimizer": optimizer.name},
    )


def _edits(
    trace: Trace, optimizer: Optimizer, name: str, uncalled: Place | None, passes: list[Backward]
) -> tuple[Edit, ...]:
    if uncalled is not None:
        return replace(trace.sources, uncalled, f"{name}.step()")
    lines = {(b.place.file, b.place.line) for b in passes if b.place}
    here = passes[0].place
    if (
        len(lines) != 1
        or here is None
        or not optimizer.variable
        or here.function != (optimizer.place or here).function
    ):
        return ()
    return insert_after(trace.sources, here, f"{name}.step()")
