"""A derivative in the loss was computed without a graph: that part of the loss trains nothing.

What it detects

`torch.autograd.grad` with respect to inputs, without create_graph=True, whose result is measured (a norm, a power, a
squared difference) and goes into what `backward` is called on.

Why it hurts

Without create_graph the derivative is a plain number. A gradient penalty, or the residual of a differential equation,
changes the printed loss and no weight.

Evidence

Exact: the arguments of the call, and the way of its result through the text of the program.

Mend

Wrong:

    grads = torch.autograd.grad(out.sum(), x)[0]

Right:

    grads = torch.autograd.grad(out.sum(), x, create_graph=True)[0]

When it keeps silent

Derivatives that make inputs (attacks, sampling) or weights of a loss; those of weights; results that are detached.

Source

Gulrajani et al. 2017, arXiv 1704.00028, algorithm 1; PyTorch documentation of torch.autograd.grad.
"""

from __future__ import annotations

import ast

from luthier.checks.flow import reaches_backward
from luthier.checks.patches import last_name, only_call
from luthier.checks.reading import by_line
from luthier.checks.wording import line_at, plural, replace, statement
from luthier.findings import Edit, Finding, Place, Unknown
from luthier.watching.steps import Backward
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "T18", "a derivative without a graph in the loss", "quick", ()
MIN_CALLS = 3


def judge(trace: Trace) -> list[Finding] | Unknown:
    """Calls of autograd.grad for inputs, line by line."""
    found = []
    calls = [b for b in trace.backwards if b.of_inputs and not b.create_graph and b.grad_enabled and not b.raised]
    for place, group in by_line(calls):
        source = trace.sources.get(place.file) if place else None
        if place is None or source is None or len(group) < MIN_CALLS:
            continue
        line = reaches_backward(source, place.line)
        if line:
            found.append(_finding(trace, group, line_at(trace.sources, place.file, line)))
    return found


def _finding(trace: Trace, calls: list[Backward], end: Place) -> Finding:
    call = calls[0]
    return Finding(
        code=CODE,
        title=TITLE,
        n=len(calls),
        text=f"autograd.grad was called without create_graph in {plural(len(calls), 'call')}, and what is made of "
        f"its result goes into the loss (backward at line {end.line}): no weight gets a gradient from it.",
        remedy="Give autograd.grad create_graph=True.",
        severity="error",
        certain=True,
        place=call.place,
        others=(end,),
        step=call.step,
        cause="Without a graph the derivative is a constant: it changes the printed loss and trains nothing.",
        wrong="grads = torch.autograd.grad(out.sum(), x)[0]",
        right="grads = torch.autograd.grad(out.sum(), x, create_graph=True)[0]",
        edits=_edits(trace, call.place),
    )


def _edits(trace: Trace, place: Place | None) -> tuple[Edit, ...]:
    call = only_call(trace.sources, place, ("grad",))
    found = statement(trace.sources, place)
    if call is None or found is None or last_name(call.func) != "grad" or any(k.arg is None for k in call.keywords):
        return ()
    if any(k.arg == "create_graph" for k in call.keywords) or found.first != found.last:
        return ()
    old = ast.unparse(call)
    new = ast.unparse(found.node).replace(old, f"{old[:-1]}, create_graph=True)")
    return replace(trace.sources, place, new)
