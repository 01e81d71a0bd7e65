"""Gradients of an attack on the inputs are still in the weights when the step is taken.

What it detects

Within one optimizer step: backward passes in a function of their own, through a call whose input is a leaf that asks
for a gradient, and then the pass that trains, elsewhere, against the very same targets; and the weights' gradients of
the first are used by the step.

Why it hurts

`backward` leaves gradients in the weights as well as in the inputs. The step then follows the sum of the attack's
gradients and the loss's: several passes weigh more than the one that is meant.

Evidence

Exact: memory and version of each gradient, the autograd graph, the memory of the targets.

Mend

Wrong:

    optimizer.zero_grad();  x_adv = attack(model, x, y);  loss(model(x_adv), y).backward();  optimizer.step()

Right:

    x_adv = attack(model, x, y);  optimizer.zero_grad();  loss(model(x_adv), y).backward();  optimizer.step()

When it keeps silent

Attacks by torch.autograd.grad; gradients that are cleared before the pass that trains; passes written side by side in
one function, where the sum may be meant.

Source

Goodfellow et al. 2015, arXiv 1412.6572; Madry et al. 2018, arXiv 1706.06083.
"""

from __future__ import annotations

from collections.abc import Iterator

from luthier.checks.wording import plural
from luthier.findings import Finding, Unknown
from luthier.watching.steps import Backward
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "T19", "an attack's gradients in the step", "quick", ()
MIN_STEPS = 3


def judge(trace: Trace) -> list[Finding] | Unknown:
    """Backward passes in order: attacks whose gradients were used, each with the pass that trains."""
    pairs = list(_pairs(trace))
    steps = {train.step for _, train in pairs}
    return [_finding(pairs, len(steps))] if len(steps) >= MIN_STEPS else []


def _pairs(trace: Trace) -> Iterator[tuple[Backward, Backward]]:
    asks = {
        f.number: bool(f.input and f.input.requires_grad and f.input.is_leaf and f.input.dtype.startswith("float"))
        for f in trace.forwards
    }
    targets = {c.number: c.target_key for c in trace.losses}
    passes = [b for b in trace.backwards if b.call != "autograd.grad" and not b.raised and not b.in_step]
    for attack, train in _later(passes):
        goal = {targets[n] for n in attack.losses if n in targets and targets[n][0]}
        if (
            attack.forwards
            and all(asks.get(n) for n in attack.forwards)
            and not any(asks.get(n) for n in train.forwards)
            and attack.num_used > 0
            and goal & {targets.get(n) for n in train.losses}
            and _elsewhere(attack, train)
        ):
            yield attack, train


def _later(passes: list[Backward]) -> Iterator[tuple[Backward, Backward]]:
    """Passes of one step, each with the last one of the step."""
    last = {b.step: b for b in passes}
    yield from ((b, last[b.step]) for b in passes if b is not last[b.step])


def _elsewhere(one: Backward, other: Backward) -> bool:
    return bool(one.place and other.place and one.place.function and one.place.function != other.place.function)


def _finding(pairs: list[tuple[Backward, Backward]], steps: int) -> Finding:
    attack, train = pairs[0]
    return Finding(
        code=CODE,
        title=TITLE,
        number=len(pairs) / steps,
        threshold=0.0,
        n=steps,
        text=f"{plural(len(pairs), 'backward pass')} of an attack on the inputs left gradients in the weights, and "
        f"{plural(steps, 'step')} used them with those of the loss.",
        remedy="Call optimizer.zero_grad() after the attack, or let the attack use torch.autograd.grad.",
        severity="warning",
        certain=True,
        place=attack.place,
        others=(train.place,) if train.place else (),
        step=attack.step,
        cause="The step follows the sum of both gradients; that of the attack was meant for the inputs only.",
        wrong="loss.backward();  x_adv = x + eps * x.grad.sign()",
        right="g, = torch.autograd.grad(loss, x);  x_adv = x + eps * g.sign()",
        evidence={"passes": len(pairs), "steps": steps},
    )
