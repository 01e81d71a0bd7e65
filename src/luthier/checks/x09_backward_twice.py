"""The program ended because backward went through the same graph a second time.

What it detects

"Trying to backward through the graph a second time".

Why it happens

A tensor of an earlier step is used again: the hidden state of a recurrent net, a loss computed once outside the loop,
a second backward() for the same loss. The intermediate results were freed by the first pass.

Mend

Wrong:

    out, hidden = rnn(x, hidden)                   # hidden carries the graph of all steps before

Right:

    out, hidden = rnn(x, hidden.detach())

When it keeps silent

Any other end of the program.

Source

PyTorch documentation, "Autograd mechanics"; the tutorial on truncated backpropagation through time.
"""

from __future__ import annotations

from luthier.checks.crashes import finding, matched
from luthier.findings import Finding, Unknown
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "X09", "backward twice through one graph", "quick", ()


def judge(trace: Trace) -> list[Finding] | Unknown:
    """The crash, if it is this one."""
    found = matched(trace, r"Trying to backward through the graph a second time")
    if found is None:
        return []
    crash = found[0]
    called = trace.backwards[-1] if len(trace.backwards) else None
    before = [b for b in trace.backwards if not b.raised]
    since = [f for f in trace.forwards if before and f.at > before[-1].at]
    if crash.same_loss_again or (called is not None and before and not since):
        reason = "this loss has been through backward already and was not computed again"
        remedy = "Compute the loss anew in each step (inside the loop), and call backward once for it."
        wrong, right = (
            "loss = loss_fn(model(x), y)\nfor _ in range(steps):\n    loss.backward()",
            "for _ in range(steps):\n    loss = loss_fn(model(x), y)\n    loss.backward()",
        )
    else:
        reason = "the loss depends on a tensor of an earlier step, such as a hidden state, whose graph was freed"
        remedy = "Detach what is carried from step to step: hidden = hidden.detach()."
        wrong, right = "out, hidden = rnn(x, hidden)", "out, hidden = rnn(x, hidden.detach())"
    return [
        finding(
            crash,
            CODE,
            TITLE,
            f"backward at step {crash.step} went into a graph that is gone: {reason}.",
            remedy=f"{remedy} retain_graph=True only hides this and makes each step slower than the one before.",
            cause="The first backward pass frees the intermediate results.",
            wrong=wrong,
            right=right,
        )
    ]
