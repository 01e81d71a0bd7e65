"""The optimizer steps, the gradients are not zero, and the weights stay exactly as they were.

What it detects

All parameters, or certain tensors, are equal before and after every step that was compared, although their gradient
was not zero.

Why it hurts

Those weights are not trained.

Evidence

Exact: values before and after, at least three steps. For single tensors, only where the update that the optimizer
should make is larger than the spacing of the numbers.

Mend

Wrong:

    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)

Right:

    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

When it keeps silent

Steps left out by a GradScaler; a warm-up that begins at a rate of 0; a group held by a rate of 0 beside others that
move; an optimizer that acts on every k-th call.

Source

pytorch issue told in https://elanapearl.github.io/blog/2025/the-bug-that-taught-me-pytorch/ (an encoder that never
moved on one kind of device).
"""

from __future__ import annotations

import math

from luthier.checks.reading import num
from luthier.checks.stepping import COUPLED_TO_SCALE, names_of, stepped_name, taken
from luthier.checks.wording import code, every, few, plural
from luthier.findings import Finding, Place, Unknown
from luthier.watching.facts import Group, Optimizer
from luthier.watching.steps import Step, TensorStep
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "T05", "the step changes nothing", "quick", ("N04",)
MIN_STEPS = 3
MIN_STEPS_SCHEDULED = 20
"""Where a scheduler may be warming up from 0."""
MIN_STEPS_TENSOR = 5
NOUGHT_SHARE = 0.8
"""A rate that falls to 0 at the end of a run is 0 for less of it."""
SPACING = 1e-6
"""Update by weight above which a 32-bit number must move (its spacing is 1.2e-7 of it)."""


def judge(trace: Trace) -> list[Finding] | Unknown:
    """One finding an optimizer."""
    found, looked = [], False
    for number, optimizer in trace.optimizers.items():
        steps = [s for s in taken(trace, number) if s.num_checked]
        looked |= bool(steps)
        scheduled = any(s.optimizer == number for s in trace.schedulers.values())
        resting = [s for s in steps if s.num_unchanged == s.num_checked]
        if len(steps) >= (MIN_STEPS_SCHEDULED if scheduled else MIN_STEPS) and len(resting) == len(steps):
            found.append(_all(trace, optimizer, steps))
        elif (idle := _at_nought(trace, number)) and steps:
            found.append(_nought(trace, optimizer, steps, idle))
        elif stuck := _stuck(trace, optimizer, steps):
            found.append(_some(trace, optimizer, steps, stuck))
    if not looked and trace.num_steps:
        return Unknown(code=CODE, title=TITLE, reason="no step was compared before and after")
    return found


def _all(trace: Trace, optimizer: Optimizer, steps: list[Step]) -> Finding:
    rates = {rate for s in steps for rate in s.lr}
    nought = rates == {0.0}
    rate = num(max(rates)) if rates else "unknown"
    why = (
        "the learning rate is 0"
        if nought
        else f"at the learning rate {rate} the update is smaller than the spacing of the numbers"
        if max(rates, default=1.0) < 1e-7
        else "its step works on copies, or its update is lost on the way"
    )
    place = optimizer.place if (nought or max(rates, default=1.0) < 1e-7) and optimizer.place else steps[0].place
    return _finding(
        trace,
        optimizer,
        steps,
        place,
        text=f"In {every(len(steps), 'step')} of {optimizer.name} that were compared, every one of the "
        f"{plural(steps[0].num_checked, 'tensor')} with a gradient stayed exactly as it was: {why}.",
        rate=rate,
    )


def _at_nought(trace: Trace, number: int) -> int:
    """Steps that were taken with a learning rate of exactly 0 in every group, if they are nearly all."""
    rates = [s.lr for s in taken(trace, number) if s.lr]
    idle = sum(not any(rate) for rate in rates)
    return idle if len(rates) >= MIN_STEPS_SCHEDULED and idle >= NOUGHT_SHARE * len(rates) else 0


def _nought(trace: Trace, optimizer: Optimizer, steps: list[Step], idle: int) -> Finding:
    scheduler = next(
        (s.place for s in trace.schedulers.values() if s.optimizer == optimizer.number and s.place), None
    )
    return _finding(
        trace,
        optimizer,
        steps,
        scheduler or optimizer.place or steps[0].place,
        text=f"{idle} of {plural(optimizer.num_steps, 'step')} of {optimizer.name} were taken with a learning rate "
        "of "
        f"exactly 0{': the schedule gives a factor of 0' if scheduler else ''}.",
        rate="0",
    )


def _some(trace: Trace, optimizer: Optimizer, steps: list[Step], stuck: set[int]) -> Finding:
    rate = num(max(rate for s in steps for rate in s.lr))
    return _finding(
        trace,
        optimizer,
        steps,
        steps[0].place,
        text=f"{plural(len(stuck), 'tensor')} ({few(names_of(trace, sorted(stuck)))}) stayed exactly as they were in "
        "all "
        f"{plural(len(steps), 'compared step')} of {optimizer.name}, at the learning rate {rate} and with gradients.",
        rate=rate,
    )


def _finding(
    trace: Trace, optimizer: Optimizer, steps: list[Step], place: Place | None, *, text: str, rate: str
) -> Finding:
    name = stepped_name(trace.sources, steps[0].place) or optimizer.variable or "optimizer"
    return Finding(
        code=CODE,
        title=TITLE,
        number=0.0,
        threshold=0.0,
        n=len(steps),
        text=text,
        remedy="Give a learning rate that moves the weights, and update the parameters themselves.",
        severity="error",
        certain=True,
        place=place,
        others=tuple(p for p in (steps[0].place, optimizer.place) if p and p != place),
        step=steps[0].step,
        cause="A parameter that is equal before and after every step is not trained.",
        wrong=code(f"{name} = torch.optim.{optimizer.name}(model.parameters(), lr={rate})"),
        right=code(f"{name} = torch.optim.{optimizer.name}(model.parameters(), lr=1e-3)"),
        evidence={"optimizer": optimizer.name, "lr": list(steps[0].lr), "num_tensors": steps[0].num_checked},
    )


def _stuck(trace: Trace, optimizer: Optimizer, steps: list[Step]) -> set[int]:
    """Tensors that rested in every compared step although the update should have moved them."""
    if len(steps) < MIN_STEPS_TENSOR or any(s.num_unchanged > len(s.unchanged) for s in steps):
        return set()
    stuck = set.intersection(*(set(s.unchanged) for s in steps))
    looked = {t.parameter: (t, s) for s in steps for t in s.tensors}
    return {n for n in stuck if n in looked and _should_move(trace, optimizer, *looked[n])}


def _should_move(trace: Trace, optimizer: Optimizer, tensor: TensorStep, step: Step) -> bool:
    parameter = trace.parameters.get(tensor.parameter)
    index = next((i for i, g in enumerate(optimizer.groups) if tensor.parameter in g.parameters), None)
    if parameter is None or parameter.dtype != "float32" or index is None or index >= len(step.lr):
        return False
    rate, group = step.lr[index], optimizer.groups[index]
    if not rate > 0 or not tensor.grad_rms > 0:
        return False
    if optimizer.name in COUPLED_TO_SCALE:
        return rate * tensor.grad_rms > SPACING * max(tensor.weight_rms, 1e-30)
    return rate > SPACING * tensor.weight_rms and tensor.grad_rms > 10 * _eps(group)


def _eps(group: Group) -> float:
    return group.eps if math.isfinite(group.eps) else 1e-8
