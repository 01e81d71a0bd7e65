"""An evaluation records a graph that nobody uses.

What it detects

Calls in evaluation mode, three or more in a row, that recorded gradients although no backward pass went through them
and their input asked for none.

Why it hurts

Every intermediate result is kept for a backward pass that never comes: more memory (a batch that fits in training
may not fit here) and time. `.data` or `.detach()` on the output comes too late, the graph has been built by then.

Evidence

Exact: the gradient mode at the call, and the graph.

Mend

Wrong:

    for x, y in val_loader:
        out = model(x).data

Right:

    with torch.no_grad():                    # or torch.inference_mode()
        for x, y in val_loader:
            out = model(x)

When it keeps silent

Saliency and adversarial rows (a backward pass or autograd.grad follows, or the input asks for a gradient); models
without trainable parameters.

Source

PyTorch documentation, "Locally disabling gradient computation".
"""

from __future__ import annotations

from luthier.checks.reading import by_line
from luthier.checks.wording import plural
from luthier.findings import Finding, Unknown
from luthier.watching.calls import Forward
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "E02", "evaluation records gradients", "quick", ("E01", "T06")
MIN_CALLS = 3


def judge(trace: Trace) -> list[Finding] | Unknown:
    """Evaluations in evaluation mode, line by line."""
    by_forward = [
        call
        for run in trace.evaluations()
        if len(run.forwards) >= MIN_CALLS
        for call in run.forwards
        if not call.training
        and call.grad_before
        and call.output is not None
        and call.output.requires_grad
        and not (call.input is not None and call.input.requires_grad)
    ]
    return [_finding(calls) for _, calls in by_line(by_forward) if len(calls) >= MIN_CALLS]


def _finding(calls: list[Forward]) -> Finding:
    call = calls[0]
    return Finding(
        code=CODE,
        title=TITLE,
        n=len(calls),
        text=f"{plural(len(calls), 'evaluation call')} recorded a graph that no backward pass used.",
        remedy="Put the evaluation under torch.no_grad() or torch.inference_mode().",
        severity="info",
        certain=True,
        place=call.place,
        step=call.step,
        cause="All intermediate results are kept for a backward pass that never comes: memory and time.",
        wrong="out = model(x).data",
        right="with torch.no_grad():\n    out = model(x)",
    )
