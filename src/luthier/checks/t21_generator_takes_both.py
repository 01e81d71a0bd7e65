"""The generator's step also follows the discriminator's loss.

What it detects

A discriminator's backward pass that goes on into the generator (its batch is not detached), and leaves gradients
there that are not cleared before the generator's own pass: its optimizer steps along the sum of the two.

Why it hurts

The discriminator's loss asks the generator to be told apart, its own loss asks the opposite: the two gradients pull
against each other, and the generator hardly learns.

Evidence

Exact: which weights each backward pass reached, which optimizer stepped between the two passes, that no gradient of
the first was cleared before a step used it, and that the two ask the answer to a generated batch for other labels.

Mend

Wrong:

    d_loss = bce(D(real), ones) + bce(D(fake), zeros)

Right:

    d_loss = bce(D(real), ones) + bce(D(fake.detach()), zeros)

When it keeps silent

Gradients that are cleared before the generator's pass (slower, but right); one optimizer for both nets; losses other
than binary cross-entropy.

Source

Goodfellow et al. 2014, arXiv 1406.2661, algorithm 1; PyTorch's DCGAN tutorial.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

from luthier.checks.l22_generator_told_fake import judged_batches
from luthier.checks.wording import plural
from luthier.findings import Finding, Unknown
from luthier.watching.calls import LossCall
from luthier.watching.steps import Backward
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "T21", "the generator follows both losses", "quick", ("T01",)
MIN_PAIRS = 3


class Play(NamedTuple):
    """A backward pass that went through the generator, and what it asks the answer to a generated batch to be."""

    back: Backward
    call: LossCall
    target: float


def judge(trace: Trace) -> list[Finding] | Unknown:
    """Pairs of passes, one after another, that ask for different labels."""
    pairs = [(a, b) for a, b in pairwise(_plays(trace)) if a.target != b.target and _adds_up(trace, a, b)]
    return [_finding(pairs)] if len(pairs) >= MIN_PAIRS else []


def _plays(trace: Trace) -> list[Play]:
    found = {
        one.back.at: Play(one.back, one.call, one.target)
        for one in judged_batches(trace)
        if set(one.back.optimizers) & trace.steppers(one.maker.model)
    }
    return [found[at] for at in sorted(found)]


def _adds_up(trace: Trace, one: Play, two: Play) -> bool:
    """Does an optimizer that rests between the two passes step along the gradients of both?"""
    later = next((b.at for b in trace.backwards if b.at > two.back.at), 1 << 62)
    between = {s.optimizer for s in trace.steps if one.back.at < s.at < two.back.at}
    after = {s.optimizer for s in trace.steps if two.back.at < s.at < later}
    reached = set(one.back.optimizers) & set(two.back.optimizers)
    whole = one.back.num_used == one.back.num_deposited and not one.back.num_discarded
    return bool(between) and whole and bool((after - between) & reached)


def _finding(pairs: list[tuple[Play, Play]]) -> Finding:
    one, two = pairs[0]
    return Finding(
        code=CODE,
        title=TITLE,
        number=float(len(pairs)),
        threshold=0.0,
        n=len(pairs),
        text=f"in {plural(len(pairs), 'looked-at round')} the generator's optimizer followed the gradient of the "
        f"discriminator's loss as well: that asks the answer to its batch to be {one.target:g}, its own loss "
        f"{two.target:g}.",
        remedy="Give the discriminator fake.detach() in its own step, or clear the generator's gradients before its "
        "own pass.",
        severity="error",
        certain=True,
        place=one.back.place,
        others=tuple(p for p in (one.call.place, two.back.place) if p),
        step=one.back.step,
        cause="The two gradients pull against each other.",
        wrong="d_loss = bce(D(real), ones) + bce(D(fake), zeros)",
        right="d_loss = bce(D(real), ones) + bce(D(fake.detach()), zeros)",
    )
