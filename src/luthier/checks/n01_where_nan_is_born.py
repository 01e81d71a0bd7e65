"""The loss or the gradients stop being finite.

What it detects

A backward pass that begins at NaN or infinity, or that leaves NaN in gradients although its loss is finite; and where
it was born: the first layer whose input was finite and whose output was not, the loss function, or a loss that had
grown out of bounds before.

Why it hurts

After one step with a NaN gradient all weights are NaN, and stay so.

Evidence

Exact: the value of the loss, the entries of inputs and outputs of the looked-at layers, the losses before.

Mend

Wrong:

    torch.log(p);  torch.sqrt(x);  x / x.std()

Right:

    torch.log(p.clamp(min=1e-7));  torch.sqrt(x + 1e-12);  x / (x.std() + 1e-6)

When it keeps silent

Minus infinity as a mask before softmax; infinite gradients of scaled steps that a GradScaler skips; passes that the
program itself leaves out.

Source

PyTorch documentation of set_detect_anomaly; Lightning-AI/pytorch-lightning#20708; karpathy/nanochat pull request 662.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

from luthier.checks.reading import num
from luthier.checks.wording import Sources
from luthier.findings import Finding, Place, Unknown
from luthier.watching.calls import LayerRun, LossCall
from luthier.watching.facts import Stats, TensorFact
from luthier.watching.steps import Backward
from luthier.watching.trace import Trace

CODE, TITLE, TIER = "N01", "numbers that are no longer finite", "quick"
CAUSES = ("D04", "D11", "O02", "L03", "L09", "L11", "O06", "D03")
RUNAWAY = 1e3
"""Growth of the loss over its first value that says: it ran away before it broke."""


def judge(trace: Trace) -> list[Finding] | Unknown:
    """The first backward pass that is not finite."""
    scaled = trace.scaler_calls.total > 0
    for event in trace.backwards:
        if not event.requires_grad or event.raised:
            continue
        if event.loss_shape == () and event.loss_is_nonfinite and not (scaled and math.isinf(event.loss)):
            return [_finding(trace, event, "loss")]
        if event.num_nonfinite and not scaled:
            return [_finding(trace, event, "gradients")]
    return []


def _bad(stats: Stats | None) -> bool:
    return stats is not None and stats.num_nonfinite > 0


def _stats(tensor: TensorFact | None) -> Stats | None:
    return tensor.stats if tensor is not None else None


def _birth(trace: Trace, event: Backward) -> tuple[str, Place | None]:
    """Where the first number that is not finite came from: (in words, line)."""
    for call in trace.forwards:
        if call.at <= event.at and call.number in event.forwards and _bad(_stats(call.input)):
            return "the model's input already holds numbers that are not finite", call.place
    layer = _first_layer(r for r in trace.layer_runs if r.at <= event.at)
    if layer is not None:
        return f'they are born in layer "{layer.layer}" ({layer.kind}): finite numbers go in', layer.place
    loss = _first_loss(c for c in trace.losses if c.at <= event.at and c.trained_by == event.at)
    if loss is not None:
        if loss.num_targets and loss.num_ignored == loss.num_targets:
            return f"all {loss.num_targets} targets of {loss.name} are ignored, so its mean is 0 / 0", loss.place
        return f"they are born in {loss.name}: its input is finite", loss.place
    before = [b.loss for b in trace.backwards if b.at < event.at and math.isfinite(b.loss)]
    if before and abs(before[-1]) > RUNAWAY * max(abs(before[0]), 1e-12):
        return (
            f"the loss grew from {num(before[0])} to {num(before[-1])} before: it ran away (learning rate)",
            event.place,
        )
    source = f" ({event.source.op})" if event.source is not None and event.source.op else ""
    return (
        f"they are born between the model's output and the loss{source}: look for log, sqrt, a power or a division "
        "at 0",
        (event.source.place if event.source is not None and event.source.place is not None else event.place),
    )


def _only_line(sources: Sources) -> Place | None:
    """The only line of the person's code with an operation whose value or slope may be infinite."""
    found = [
        Place(file=file, line=i, text=text.strip())
        for file, source in sources.items()
        for i, text in enumerate(source.splitlines(), 1)
        if re.search(r"\b(log|log2|log10|sqrt|rsqrt|reciprocal|acos|asin)\(", text)
    ]
    return found[0] if len(found) == 1 else None


def _first_layer(runs: Iterable[LayerRun]) -> LayerRun | None:
    for run in runs:
        before, after = _stats(run.input), _stats(run.output)
        if before is not None and after is not None and not before.num_nonfinite and after.num_nan:
            return run
    return None


def _first_loss(calls: Iterable[LossCall]) -> LossCall | None:
    for call in calls:
        stats = _stats(call.input)
        if stats is not None and not stats.num_nonfinite:
            return call
    return None


def _finding(trace: Trace, event: Backward, what: str) -> Finding:
    if what == "loss":
        birth, place = _birth(trace, event)
        fact = f"the loss is {event.loss} at step {event.step}; {birth}."
    else:
        place = event.place
        fact = (
            f"{event.num_nonfinite} gradients are not finite at step {event.step} although the loss is "
            f"{num(event.loss)}: the slope of sqrt, norm, log or a power is infinite at 0."
        )
    before = [b.loss for b in trace.backwards if b.at < event.at and math.isfinite(b.loss)]
    return Finding(
        code=CODE,
        title=TITLE,
        number=event.loss if what == "loss" else float(event.num_nonfinite),
        n=1,
        text=fact,
        remedy="Keep log, sqrt and division away from 0 (clamp, or add a small number), lower the learning rate or "
        "clip the gradient norm where the loss ran away.",
        severity="error",
        certain=True,
        place=place,
        others=tuple(p for p in (_only_line(trace.sources), event.place) if p is not None and p != place),
        step=event.step,
        cause="After one step with such a gradient the weights are not finite either, and stay so.",
        wrong="loss = -torch.log(p).mean()",
        right="loss = -torch.log(p.clamp(min=1e-7)).mean()",
        evidence={"last_finite_losses": [*before[-5:]]},
    )
