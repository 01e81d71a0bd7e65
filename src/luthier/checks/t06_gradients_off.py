"""Gradients are switched off where the training needs them.

What it detects

A forward pass that leaves the recording of gradients switched off behind it; a switch such as
`torch.set_grad_enabled(False)` that nobody turns back before training goes on; a training forward pass or loss under
`no_grad`.

Why it hurts

The loss has no graph: `backward` raises "does not require grad", or, where the loss was told to require a gradient,
nothing is learned and nobody says so.

Evidence

Exact: the state of the switch before and after every call, and at the loss.

Mend

Wrong:

    def forward(self, x):
        torch.set_grad_enabled(False)
        mask = self.make_mask(x)
        return self.net(x * mask)

Right:

    def forward(self, x):
        with torch.no_grad():
            mask = self.make_mask(x)
        return self.net(x * mask)

When it keeps silent

Frozen trunks, teachers and evaluations under `no_grad`; a switch that is turned back before the next training pass,
or after which nothing is trained.

Source

deepinv/deepinv#166; https://stackoverflow.com/questions/64809589.
"""

from __future__ import annotations

from luthier.checks.stepping import is_empty
from luthier.checks.wording import code, plural
from luthier.findings import Finding, Place, Unknown
from luthier.watching.calls import Forward
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "T06", "gradients are switched off", "quick", ()
NO_GRAPH = "does not require grad"
MIN_STEPS = 3


def judge(trace: Trace) -> list[Finding] | Unknown:
    """The first of the three forms that fits."""
    leaving = [f for f in trace.forwards if f.grad_before and not f.grad_after]
    if leaving:
        return [_leaves_off(trace, leaving)]
    crash = trace.crash
    if crash is not None and NO_GRAPH in crash.message:
        return _before_crash(trace)
    return _silent(trace)


def _leaves_off(trace: Trace, leaving: list[Forward]) -> Finding:
    switch = next((g for g in trace.grad_switches if g.in_forward and not g.enabled), None)
    name = trace.models[leaving[0].model].name if leaving[0].model in trace.models else "the model"
    return _finding(
        f"A call of {name} leaves the recording of gradients switched off ({plural(len(leaving), 'call')}).",
        switch.place if switch and switch.place else leaving[0].place,
        leaving[0],
        len(leaving),
    )


def _before_crash(trace: Trace) -> list[Finding]:
    """The exception says that the loss has no graph: was it made while gradients were off?"""
    crash = trace.crash
    last = max((f for f in trace.forwards if not crash or f.at < crash.at or not crash.at), key=_at, default=None)
    loss = max(trace.losses, key=lambda c: c.at, default=None)
    off_in_loss = loss is not None and not loss.grad_enabled and (last is None or loss.at > last.at)
    if last is None or (last.grad_before and not off_in_loss):
        return []
    switch = max((g for g in trace.grad_switches if not g.enabled), key=lambda g: g.at, default=None)
    on_again = switch is not None and any(g.enabled and g.at > switch.at for g in trace.grad_switches)
    place = switch.place if switch and not on_again else (last.place or (loss.place if loss else None))
    text = (
        "Gradients were switched off here and not on again before the training went on; the loss has no graph."
        if switch and not on_again
        else "The forward pass of the training step ran while gradients were off; the loss has no graph."
    )
    return [_finding(text, place, last, 1, others=tuple(crash.frames[:1]) if crash else ())]


def _at(forward: Forward) -> int:
    return forward.at


def _silent(trace: Trace) -> list[Finding]:
    """No exception, but steps without gradients after training calls made with gradients off."""
    for number in trace.optimizers:
        steps = [s for s in trace.steps if s.optimizer == number and not s.skipped]
        held = {n for g in trace.optimizers[number].groups for n in g.parameters}
        if len(steps) < MIN_STEPS or not all(is_empty(s) for s in steps):
            continue
        calls = [
            f
            for f in trace.forwards
            if f.training and f.model in trace.models and held & set(trace.models[f.model].parameters)
        ]
        if len(calls) >= MIN_STEPS and not any(f.grad_before for f in calls):
            text = (
                f"All {plural(len(calls), 'training call')} of {trace.models[calls[0].model].name} ran while "
                "gradients were off; no step found a gradient."
            )
            return [_finding(text, calls[0].place, calls[0], len(calls))]
    return []


def _finding(text: str, place: Place | None, first: Forward, n: int, others: tuple[Place, ...] = ()) -> Finding:
    return Finding(
        code=CODE,
        title=TITLE,
        number=float(n),
        threshold=0.0,
        n=n,
        text=text,
        remedy="Keep no_grad around what needs no gradient, as a `with` block, and the training step outside it.",
        severity="error",
        certain=True,
        place=place,
        others=tuple(p for p in (*others, first.place) if p and p != place),
        step=first.step,
        cause="Operations that run while gradients are off leave no graph, so backward() cannot reach the weights.",
        wrong=code("""
            torch.set_grad_enabled(False)
            hits = evaluate(model)
            loss = loss_fn(model(x), y)   # still off
        """),
        right=code("""
            with torch.no_grad():
                hits = evaluate(model)
            loss = loss_fn(model(x), y)
        """),
    )
