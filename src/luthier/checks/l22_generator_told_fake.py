"""The generator is trained towards the label that its fakes have in the discriminator's step.

What it detects

A binary cross-entropy of the discriminator's answer to a generated batch with one target for all rows, the same
target in the discriminator's own step and in the step that trains the generator.

Why it hurts

Both nets work for the same end: the generator learns to be recognised as fake. The discriminator wins at once, the
losses look fine, and the samples never come near the data.

Evidence

Exact: which call's output the discriminator was given, the targets, and which weights the backward pass reached.

Mend

Wrong:

    g_loss = bce(D(fake), zeros)      # zeros are the label of fakes in D's step

Right:

    g_loss = bce(D(fake), ones)

When it keeps silent

The generator's loss is minus that cross-entropy (the game as it was first written), or several losses together; least
squares and Wasserstein losses.

Source

Goodfellow et al. 2014, arXiv 1406.2661, section 3.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

from luthier.checks.reading import num
from luthier.checks.wording import plural
from luthier.findings import Finding, Unknown
from luthier.watching.calls import Forward, LossCall
from luthier.watching.steps import Backward
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "L22", "the generator is told to look fake", "quick", ()
MIN_CALLS = 3
LOSSES = ("binary_cross_entropy", "binary_cross_entropy_with_logits")


def judge(trace: Trace) -> list[Finding] | Unknown:
    """Losses on generated batches: those that train the generator and those that do not."""
    judged: list[tuple[LossCall, float]] = []
    playing: list[tuple[LossCall, float]] = []
    for call, target, through in _on_generated(trace):
        (playing if through else judged).append((call, target))
    fakes = {t for _, t in judged}
    if len(judged) < MIN_CALLS or len(playing) < MIN_CALLS or len(fakes) != 1 or {t for _, t in playing} != fakes:
        return []
    return [_finding(playing, judged)]


class Judged(NamedTuple):
    """A loss call on an answer to what another model has made: that model's call, the one target of all rows, and the
    backward pass through the loss."""

    call: LossCall
    maker: Forward
    target: float
    back: Backward


def judged_batches(trace: Trace) -> Iterator[Judged]:
    """Binary cross-entropies of a discriminator's answers to generated batches."""
    forwards = {f.number: f for f in trace.forwards}
    passes = {b.at: b for b in trace.backwards}
    for call in trace.losses:
        answer = forwards.get(call.forward)
        maker = forwards.get(answer.fed_by) if answer is not None else None
        back = passes.get(call.trained_by)
        stats = call.target.stats if call.target else None
        if call.name not in LOSSES or answer is None or maker is None or back is None or stats is None:
            continue
        if maker.model != answer.model and stats.low == stats.high:
            yield Judged(call, maker, stats.low, back)


def _on_generated(trace: Trace) -> Iterator[tuple[LossCall, float, bool]]:
    """The call, its one target, and whether the backward pass went on through the maker (by this loss alone, with
    this sign)."""
    for call, maker, target, back in judged_batches(trace):
        through = maker.number in back.forwards
        if not through or math.isclose(back.loss, call.result, rel_tol=1e-4):
            yield call, target, through


def _finding(playing: list[tuple[LossCall, float]], judged: list[tuple[LossCall, float]]) -> Finding:
    call, target = playing[0]
    other = judged[0][0].place
    return Finding(
        code=CODE,
        title=TITLE,
        number=target,
        n=len(playing),
        text=f"the step that trains the generator asks the discriminator's answer to be {num(target)} in "
        f"{plural(len(playing), 'looked-at call')}, the label that fakes have in the discriminator's own step.",
        remedy="Give the generator the label of real data.",
        severity="error",
        certain=True,
        place=call.place,
        others=(other,) if other is not None else (),
        step=call.step,
        cause="The generator learns to be recognised; nothing draws its samples towards the data.",
        wrong="g_loss = bce(D(fake), zeros)",
        right="g_loss = bce(D(fake), ones)",
        evidence={"target": target},
    )
