"""The graph of the loss grows from step to step: history is kept.

What it detects

Backward passes with `retain_graph=True` of one line whose graph has more nodes each time, by a steady amount.

Why it hurts

A hidden state or a sum that is not detached keeps all earlier steps in the graph: time and memory of a step grow
without end, and gradients flow through steps that are long done.

Evidence

The number of nodes of the graph, counted at the sampled passes: it rises six times in a row or more, and doubles.

Mend

Wrong:

    hidden = cell(x, hidden)
    loss_fn(head(hidden), y).backward(retain_graph=True)

Right:

    hidden = cell(x, hidden.detach())
    loss_fn(head(hidden), y).backward()

When it keeps silent

Graphs kept for a second loss of the same step; sequences that get longer (no `retain_graph`).

Source

PyTorch's forum, "Trying to backward through the graph a second time" and its usual wrong mend.
"""

from __future__ import annotations

from luthier.checks.reading import by_line
from luthier.checks.wording import code
from luthier.findings import Finding, Unknown
from luthier.watching.steps import Backward
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "T12", "the graph grows with every step", "quick", ()
MIN_RISES = 6
MIN_GROWTH = 2.0


def judge(trace: Trace) -> list[Finding] | Unknown:
    """One finding for each line with a backward pass."""
    found = []
    for _, group in by_line(b for b in trace.backwards if not b.raised):
        counted = [b for b in group if b.num_nodes]
        if not all(b.retain_graph for b in counted):
            continue
        rising = _longest_rise(counted)
        if len(rising) > MIN_RISES and rising[-1].num_nodes >= MIN_GROWTH * rising[0].num_nodes:
            found.append(_finding(rising))
    return found


def _longest_rise(counted: list[Backward]) -> list[Backward]:
    """The longest stretch of passes each of which went through more nodes than the one before."""
    best: list[Backward] = []
    run: list[Backward] = []
    for backward in counted:
        run = [*run, backward] if run and backward.num_nodes > run[-1].num_nodes else [backward]
        best = max(best, run, key=len)
    return best


def _finding(counted: list[Backward]) -> Finding:
    first, last = counted[0], counted[-1]
    return Finding(
        code=CODE,
        title=TITLE,
        number=last.num_nodes / first.num_nodes,
        threshold=MIN_GROWTH,
        n=len(counted),
        text=f"The graph of the loss grew from {first.num_nodes} to {last.num_nodes} nodes over {len(counted)} "
        "looked-at backward passes, each time larger than before; retain_graph=True keeps the history of all steps.",
        remedy="Detach what is carried from one step to the next (hidden.detach()), and drop retain_graph=True.",
        severity="error",
        certain=True,
        place=first.place,
        step=first.step,
        cause="A tensor that is carried over with its history drags all earlier steps into each backward pass.",
        wrong=code("""
            hidden = cell(x, hidden)
            loss_fn(head(hidden), y).backward(retain_graph=True)
        """),
        right=code("""
            hidden = cell(x, hidden.detach())
            loss_fn(head(hidden), y).backward()
        """),
        evidence={"nodes": [b.num_nodes for b in counted[:40]]},
    )
