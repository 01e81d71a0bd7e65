"""The loss that is minimised is minus a loss.

What it detects

A program with one optimizer whose backward passes all begin at minus the value of a single loss that cannot be
negative (cross-entropy, mean squared error ...).

Why it hurts

The optimizer makes the errors as large as it can. The printed number falls, which looks like progress.

Evidence

Exact: the value of the backward pass equals minus the value of the loss call it went through, in every pass.

Mend

Wrong:

    loss = -F.cross_entropy(model(x), y)

Right:

    loss = F.cross_entropy(model(x), y)

When it keeps silent

Several optimizers (a generator may well maximise the judge's loss), several losses in one pass (gradient reversal,
entropy terms), losses that may be negative (policy gradient, ELBO, densities), gradients by autograd.grad (attacks).

Source

DL-fault taxonomies (wrong loss function); the catalogue of AutoTrainer (negative loss).
"""

from __future__ import annotations

import math

from luthier.checks.patches import only_call
from luthier.checks.reading import num
from luthier.checks.wording import plural
from luthier.findings import Edit, Finding, Unknown
from luthier.watching.calls import LossCall
from luthier.watching.steps import Backward
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "L09", "the loss has its sign turned", "quick", ()
NEVER_NEGATIVE = frozenset(
    {
        "cross_entropy",
        "mse_loss",
        "l1_loss",
        "smooth_l1_loss",
        "huber_loss",
        "binary_cross_entropy",
        "binary_cross_entropy_with_logits",
    }
)
MIN_PASSES = 5


def judge(trace: Trace) -> list[Finding] | Unknown:
    """Backward passes beside the loss calls that they went through."""
    if len(trace.optimizers) != 1 or len(trace.trained_models()) > 1:
        return []
    by_pass: dict[int, list[LossCall]] = {}
    for call in trace.losses:
        if call.trained_by:
            by_pass.setdefault(call.trained_by, []).append(call)
    passes = [b for b in trace.backwards if math.isfinite(b.loss) and by_pass.get(b.at)]
    turned = [b for b in passes if _is_turned(b, by_pass[b.at])]
    if len(turned) < MIN_PASSES or len(turned) < len(passes):
        return []
    return [_finding(trace, turned, by_pass[turned[0].at][0])]


def _is_turned(event: Backward, calls: list[LossCall]) -> bool:
    if len(calls) != 1 or event.call == "autograd.grad":
        return False
    value = calls[0].result
    exact = math.isfinite(value) and value > 0 and math.isclose(event.loss, -value, rel_tol=1e-5)
    return calls[0].name in NEVER_NEGATIVE and exact


def _finding(trace: Trace, passes: list[Backward], call: LossCall) -> Finding:
    return Finding(
        code=CODE,
        title=TITLE,
        number=passes[0].loss,
        threshold=0.0,
        n=len(passes),
        text=f"all {plural(len(passes), 'backward pass')} begin at minus the value of {call.name} "
        f"({num(passes[0].loss)} at first, {num(passes[-1].loss)} at last): its errors are made as large as "
        "possible.",
        remedy="Take the minus sign away.",
        severity="error",
        certain=True,
        place=call.place,
        others=(passes[0].place,) if passes[0].place else (),
        step=passes[0].step,
        cause="An optimizer minimises: minus a loss is smallest where the predictions are worst.",
        wrong="loss = -F.cross_entropy(model(x), y)",
        right="loss = F.cross_entropy(model(x), y)",
        edits=_edits(trace, call),
        evidence={"loss": call.name, "first": passes[0].loss, "last": passes[-1].loss},
    )


def _edits(trace: Trace, call: LossCall) -> tuple[Edit, ...]:
    """The minus sign goes where it stands directly before the only call by the loss's name."""
    node = only_call(trace.sources, call.place, [call.name])
    if node is None or call.place is None:
        return ()
    line = trace.sources[call.place.file].splitlines()[node.lineno - 1]
    before = line.encode()[: node.col_offset].decode()
    if not before.endswith(("= -", "= - ", "return -")):
        return ()
    return (
        Edit(file=call.place.file, line=node.lineno, old=(line,), new=(before.rstrip()[:-1] + line[len(before) :],)),
    )
