"""The weights of two ranks are not the same after a step.

What it detects

A model in a DistributedDataParallel whose parameters differ between ranks: mostly because the model inside is called
in place of the wrapper (`model.module(x)`, or a variable that still names the model): no gradient is averaged.

Why it hurts

Each rank trains its own model on its part of the rows, and what the first one saves has seen only its part.

Evidence

Exact: after optimizer steps 1 to 5, 10, 20, 50, 100 and 200 each rank posts the sums of its parameters to the store
of its process group. Averaged gradients leave them the same to the last bit; a relative difference of 1e-6 counts.

Mend

Wrong:

    ddp = DistributedDataParallel(model)
    loss = F.cross_entropy(model(x), y)

Right:

    ddp = DistributedDataParallel(model)
    loss = F.cross_entropy(ddp(x), y)

When it keeps silent

One process; no DistributedDataParallel (sharded models, parameter servers, own averaging); buffers (batch
normalisation's statistics are each rank's own).

Source

PyTorch documentation of DistributedDataParallel: only passes that went through its forward are averaged.
"""

from __future__ import annotations

from luthier.checks.modes import trained_calls
from luthier.checks.reading import num
from luthier.checks.wording import code, plural
from luthier.findings import Finding, Unknown
from luthier.watching.calls import Forward
from luthier.watching.facts import Model
from luthier.watching.steps import RanksCompared
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "T13", "the ranks differ", "quick", ()
APART = 1e-6


def judge(trace: Trace) -> list[Finding] | Unknown:
    """One finding, at the calls past the wrapper where there are any."""
    apart = [c for c in trace.ranks if c.weights_apart > APART]
    if not apart:
        return []
    inner = [model for model in trace.models.values() if model.inside]
    past = [(model, calls) for model in inner if (calls := trained_calls(trace, model.number))]
    return [_past(*past[0], apart) if past else _apart(trace, apart)]


def _past(model: Model, calls: list[Forward], apart: list[RanksCompared]) -> Finding:
    return Finding(
        code=CODE,
        title=TITLE,
        number=max(c.weights_apart for c in apart),
        threshold=APART,
        n=len(apart),
        text=f"{plural(len(calls), 'training call')} of {model.name} went past its DistributedDataParallel, so no "
        f"gradient was averaged: {_said(apart)}.",
        remedy="Call the DistributedDataParallel itself in training.",
        severity="error",
        certain=True,
        place=calls[0].place,
        others=(model.inside,) if model.inside else (),
        step=apart[0].step,
        cause="Each rank trains its own model on its part of the rows; what the first one saves saw only its part.",
        wrong=code("ddp = DistributedDataParallel(model)\nloss = F.cross_entropy(model(x), y)"),
        right=code("ddp = DistributedDataParallel(model)\nloss = F.cross_entropy(ddp(x), y)"),
    )


def _apart(trace: Trace, apart: list[RanksCompared]) -> Finding:
    wrapped = [model for model in trace.models.values() if model.wrapper == "DistributedDataParallel"]
    return Finding(
        code=CODE,
        title=TITLE,
        number=max(c.weights_apart for c in apart),
        threshold=APART,
        n=len(apart),
        text=f"the ranks do not train one model any more: {_said(apart)}.",
        remedy="Take the same optimizer steps on every rank, change no weights on one rank alone, and wrap the model "
        "before the optimizer is made.",
        severity="error",
        certain=True,
        place=wrapped[0].place if wrapped else None,
        step=apart[0].step,
        cause="DistributedDataParallel averages gradients, not weights: once apart, the ranks stay apart.",
    )


def _said(apart: list[RanksCompared]) -> str:
    first = apart[0]
    return f"after step {first.step} weights of rank 0 and rank {first.rank} differ by {num(first.weights_apart)}"
